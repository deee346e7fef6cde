import { useEffect, useId, useRef, useState } from "preact/hooks";

import { type DeviceKind, type Devices, mediaProblem } from "../call/devices.ts";
import { meter } from "../call/level.ts";
import type { Sounds } from "../call/sounds.ts";
import { TextButton } from "./Button.tsx";
import { useValue } from "./hooks.ts";
import { Icon, type IconName } from "./icons.tsx";
import { Video } from "./Video.tsx";

/** Choice and test of microphone, speaker and camera. A choice holds at once, in a call as well, and is kept. */
export function DeviceSettings({ devices, sounds }: { devices: Devices; sounds: Sounds }) {
  const [problem, setProblem] = useState("");
  return (
    <div class="devices">
      {problem !== "" && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <Choice devices={devices} kind="microphone" icon="microphone" label="Microphone" />
      <MicrophoneTest devices={devices} onProblem={setProblem} />
      <Choice devices={devices} kind="speaker" icon="speaker" label="Speakers" />
      <SpeakerTest devices={devices} sounds={sounds} />
      <Choice devices={devices} kind="camera" icon="camera" label="Camera" />
      <CameraTest devices={devices} onProblem={setProblem} />
    </div>
  );
}

function Choice({ devices, kind, icon, label }: { devices: Devices; kind: DeviceKind; icon: IconName; label: string }) {
  const list = useValue(devices.list)[kind];
  const chosen = useValue(devices.choice)[kind];
  const present = list.some((each) => each.id === chosen);
  const id = useId();
  return (
    <div class="choice">
      <label for={id}>
        <Icon name={icon} /> {label}
      </label>
      <select id={id} value={present ? chosen : ""} onChange={(event) => devices.choose(kind, event.currentTarget.value)}>
        <option value="">{list.length === 0 ? "None found" : "As the system chooses"}</option>
        {list.map((each) => (
          <option key={each.id} value={each.id}>
            {each.label}
          </option>
        ))}
      </select>
    </div>
  );
}

/** Opens the chosen device while a test runs, and again when another is chosen meanwhile. */
function useTested(
  running: boolean,
  chosen: string,
  open: () => Promise<MediaStreamTrack>,
  use: (track: MediaStreamTrack) => () => void,
  failed: (text: string) => void,
): void {
  useEffect(() => {
    if (!running) return undefined;
    let end: (() => void) | undefined;
    let over = false;
    open().then(
      (track) => {
        const stop = over ? undefined : use(track);
        end = () => {
          stop?.();
          track.stop();
        };
        if (over) end();
        else failed("");
      },
      (error: unknown) => failed(mediaProblem(error).text),
    );
    return () => {
      over = true;
      end?.();
    };
  }, [running, chosen]);
}

function MicrophoneTest({ devices, onProblem }: { devices: Devices; onProblem: (text: string) => void }) {
  const [running, setRunning] = useState(false);
  const chosen = useValue(devices.choice).microphone;
  const bar = useRef<HTMLMeterElement>(null);
  const failed = (text: string) => {
    onProblem(text);
    if (text !== "") setRunning(false);
  };
  const show = (level: number) => {
    if (bar.current !== null) bar.current.value = level;
  };
  useTested(
    running,
    chosen,
    () => devices.microphone(),
    (track) => meter(track, show),
    failed,
  );
  return (
    <div class="test">
      <TextButton onClick={() => setRunning(!running)}>{running ? "Stop test" : "Test microphone"}</TextButton>
      <meter ref={bar} min={0} max={1} value={0} aria-label="Microphone level" />
    </div>
  );
}

function SpeakerTest({ devices, sounds }: { devices: Devices; sounds: Sounds }) {
  const [running, setRunning] = useState(false);
  const chosen = useValue(devices.choice).speaker;
  const current = useRef<symbol>(undefined);
  const play = async () => {
    const mine = (current.current = Symbol());
    setRunning(true);
    await sounds.music(devices.present("speaker"));
    if (current.current === mine) setRunning(false);
  };
  useEffect(() => {
    if (running) void play();
  }, [chosen]);
  useEffect(() => () => sounds.stop(), []);
  return (
    <div class="test">
      <TextButton onClick={() => (running ? sounds.stop() : void play())}>
        {running ? "Stop music" : "Test speakers"}
      </TextButton>
      <span class={running ? "progress running" : "progress"} aria-hidden="true">
        <span />
      </span>
      <span class="unseen" role="status">
        {running ? "Music is playing for 5 seconds" : ""}
      </span>
    </div>
  );
}

function CameraTest({ devices, onProblem }: { devices: Devices; onProblem: (text: string) => void }) {
  const [running, setRunning] = useState(false);
  const [stream, setStream] = useState<MediaStream>();
  const chosen = useValue(devices.choice).camera;
  const failed = (text: string) => {
    onProblem(text);
    if (text !== "") setRunning(false);
  };
  useTested(
    running,
    chosen,
    () => devices.camera(),
    (track) => {
      setStream(new MediaStream([track]));
      return () => setStream(undefined);
    },
    failed,
  );
  return (
    <div class="test camera">
      <TextButton onClick={() => setRunning(!running)}>{running ? "Stop preview" : "Show camera"}</TextButton>
      {running && (
        <div class="preview">
          <Video stream={stream} label="Preview of your camera" mirrored />
        </div>
      )}
    </div>
  );
}
