import { useState } from "preact/hooks";

import type { Call, CallView } from "../call/call.ts";
import type { Devices } from "../call/devices.ts";
import { duration } from "../call/outcome.ts";
import { FAR_CONNECTION_WEAK, OWN_CONNECTION_WEAK } from "../call/quality.ts";
import type { Sounds } from "../call/sounds.ts";
import { Avatar } from "./Avatar.tsx";
import { CallButton } from "./Button.tsx";
import { DeviceSettings } from "./DeviceSettings.tsx";
import { Dialog } from "./Dialog.tsx";
import { useKeys, useSeconds, useValue } from "./hooks.ts";
import { Icon } from "./icons.tsx";
import { Keypad } from "./Keypad.tsx";
import { Quality } from "./Quality.tsx";
import { Video } from "./Video.tsx";

/** The keys of a call, wherever the focus is. Function keys, because letters belong to who types or listens. */
export const CALL_KEYS = { answer: "F2", end: "F4", mute: "F8", hold: "F9" } as const;

export interface CallPanelProps {
  readonly call: Call;
  readonly devices: Devices;
  readonly sounds: Sounds;
  /** Opens whatever the page has for transfers; without it there are none. */
  readonly onTransfer?: (() => void) | undefined;
  /** Whether digits and holding are offered: a guest has no use for them. */
  readonly plain?: boolean;
  /** Whether a picture may be shown: not in a call that is for voices alone. */
  readonly pictures?: boolean;
}

/** One call: who it is, how it goes, and what can be done with it. */
export function CallPanel(props: CallPanelProps) {
  const view = useValue(props.call.view);
  const pictured = view.remotePicture || view.picture !== "none";
  return (
    <section class={pictured ? "call-panel pictured" : "call-panel"} aria-label={`Call with ${view.peer.name}`}>
      {pictured ? <Stage call={props.call} view={view} /> : <Person view={view} />}
      <Warnings view={view} />
      {view.state === "offered" ? <Offer call={props.call} view={view} /> : <Options {...props} view={view} />}
    </section>
  );
}

/** What a call is doing, in words. */
export function saying(view: CallView): string {
  switch (view.state) {
    case "calling":
      return "Calling …";
    case "ringing":
    case "early":
      return "Ringing …";
    case "offered":
      return view.videoOffered ? "Incoming video call" : "Incoming call";
    case "answering":
      return "Connecting …";
    case "ended":
      return view.outcome?.text ?? "The call ended";
    case "talking":
      if (view.held) return "On hold";
      return view.heldByPeer ? "The other side has put you on hold" : "Connected";
  }
}

function Status({ view }: { view: CallView }) {
  const running = view.state === "talking" && view.since !== undefined;
  useSeconds(running);
  return (
    <p class="status">
      <span role="status">{saying(view)}</span>
      {running && (
        <>
          <time>{duration((Date.now() - (view.since ?? 0)) / 1000)}</time>
          <Quality score={view.score} />
        </>
      )}
    </p>
  );
}

function Person({ view }: { view: CallView }) {
  const waiting = view.state !== "talking" && view.state !== "ended";
  return (
    <div class="person">
      <Avatar name={view.peer.name} calling={waiting} />
      <h1>{view.peer.name || "Unknown"}</h1>
      <p class="number">{view.peer.name === view.peer.number ? "\u00a0" : view.peer.number}</p>
      <Status view={view} />
    </div>
  );
}

function Stage({ call, view }: { call: Call; view: CallView }) {
  const remote = useValue(call.remote);
  const { preview } = useValue(call.media.sending);
  return (
    <div class="stage">
      {view.remotePicture ? (
        <Video stream={remote} label={`Picture of ${view.peer.name}`} />
      ) : (
        <Avatar name={view.peer.name} />
      )}
      {preview !== undefined && (
        <div class="self">
          <Video stream={preview} label="Your picture" mirrored={view.picture === "camera"} />
        </div>
      )}
      <div class="caption">
        <h1>{view.peer.name || "Unknown"}</h1>
        <Status view={view} />
      </div>
    </div>
  );
}

/** Always there, so that nothing moves when a warning comes or goes. */
function Warnings({ view }: { view: CallView }) {
  const lines = [
    view.recovering || !view.connected ? "Reconnecting …" : "",
    view.ownWeak ? OWN_CONNECTION_WEAK : "",
    view.farWeak ? FAR_CONNECTION_WEAK : "",
    view.notice,
  ].filter((line) => line !== "");
  return (
    <div class="warnings" role="status">
      {view.state !== "ended" &&
        lines.slice(0, 2).map((line) => (
          <p key={line}>
            <Icon name="warning" />
            <span>{line}</span>
          </p>
        ))}
    </div>
  );
}

function Offer({ call, view }: { call: Call; view: CallView }) {
  useKeys({ [CALL_KEYS.answer]: () => void call.answer(false), [CALL_KEYS.end]: () => call.decline() });
  return (
    <div class="options offer">
      <CallButton icon="hangup" look="stop" label="Decline" shortcut={CALL_KEYS.end} onClick={() => call.decline()} />
      {view.videoOffered && (
        <CallButton icon="camera" look="go" label="With video" onClick={() => void call.answer(true)} />
      )}
      <CallButton
        icon="phone"
        look="go"
        label="Answer"
        shortcut={CALL_KEYS.answer}
        onClick={() => void call.answer(false)}
      />
    </div>
  );
}

function Options({ call, view, devices, sounds, onTransfer, plain = false, pictures = true }: CallPanelProps & { view: CallView }) {
  const [keypad, setKeypad] = useState(false);
  const [settings, setSettings] = useState(false);
  const [pressed, setPressed] = useState("");
  const cameras = useValue(devices.list).camera.length;
  const may = call.actions;
  const toggleMute = () => call.mute(!call.view.value.muted);
  const toggleHold = () => void call.hold(!call.view.value.held);
  useKeys({
    [CALL_KEYS.end]: may.has("end") ? () => call.end() : undefined,
    [CALL_KEYS.mute]: may.has("mute") ? toggleMute : undefined,
    [CALL_KEYS.hold]: may.has("hold") && !plain ? toggleHold : undefined,
  });
  const talking = view.state === "talking";
  const press = (digit: string) => {
    call.press(digit);
    setPressed((digits) => (digits + digit).slice(-18));
  };
  return (
    <>
      {keypad && may.has("keypad") && (
        <div class="tones">
          <output aria-label="Digits sent">{pressed || "\u00a0"}</output>
          <Keypad onKey={press} label="Send digits" />
        </div>
      )}
      <div class="options" role="group" aria-label="Options of the call">
        <CallButton
          icon={view.muted ? "muted" : "microphone"}
          label={view.muted ? "Unmute" : "Mute"}
          pressed={view.muted}
          shortcut={CALL_KEYS.mute}
          disabled={!may.has("mute")}
          onClick={toggleMute}
        />
        {!plain && talking && (
          <CallButton
            icon={view.held ? "play" : "pause"}
            label={view.held ? "Resume" : "Hold"}
            pressed={view.held}
            shortcut={CALL_KEYS.hold}
            disabled={!may.has("hold")}
            onClick={toggleHold}
          />
        )}
        {!plain && (talking || view.state === "early") && (
          <CallButton
            icon="keypad"
            label="Keypad"
            pressed={keypad}
            disabled={!may.has("keypad")}
            onClick={() => setKeypad(!keypad)}
          />
        )}
        {talking && pictures && (
          <CallButton
            icon={view.picture === "camera" ? "no_camera" : "camera"}
            label={view.picture === "camera" ? "Camera off" : "Camera"}
            pressed={view.picture === "camera"}
            disabled={!may.has("camera")}
            onClick={() => void call.showPicture(view.picture === "camera" ? "none" : "camera")}
          />
        )}
        {view.picture === "camera" && cameras > 1 && (
          <CallButton icon="flip" label="Switch camera" onClick={() => void call.flipCamera()} />
        )}
        {talking && pictures && navigator.mediaDevices?.getDisplayMedia !== undefined && (
          <CallButton
            icon="screen"
            label={view.picture === "screen" ? "Stop sharing" : "Share screen"}
            pressed={view.picture === "screen"}
            disabled={!may.has("screen")}
            onClick={() => void call.showPicture(view.picture === "screen" ? "none" : "screen")}
          />
        )}
        {talking && onTransfer !== undefined && (
          <CallButton icon="transfer" label="Transfer" disabled={!may.has("transfer")} onClick={onTransfer} />
        )}
        <CallButton icon="settings" label="Devices" onClick={() => setSettings(true)} />
        <CallButton
          icon="hangup"
          look="stop"
          label={talking ? "End" : "Cancel"}
          shortcut={CALL_KEYS.end}
          disabled={!may.has("end")}
          onClick={() => call.end()}
        />
      </div>
      {settings && (
        <Dialog title="Devices" onClose={() => setSettings(false)}>
          <DeviceSettings devices={devices} sounds={sounds} />
        </Dialog>
      )}
    </>
  );
}
