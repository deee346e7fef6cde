import { useEffect, useMemo, useState } from "preact/hooks";

import type { Session } from "../call/api.ts";
import type { Call } from "../call/call.ts";
import { Devices } from "../call/devices.ts";
import { shown } from "../call/number.ts";
import { type Link, Phone } from "../call/phone.ts";
import { Tab } from "../call/tab.ts";
import { IconButton, TextButton } from "../ui/Button.tsx";
import { CallPanel, saying } from "../ui/CallPanel.tsx";
import { DeviceSettings } from "../ui/DeviceSettings.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { useValue } from "../ui/hooks.ts";
import { Icon } from "../ui/icons.tsx";
import { ask, callOut, mayAsk } from "./attention.ts";
import { instance, keepToken } from "./credentials.ts";
import { Dialler } from "./Dialler.tsx";
import { Recents } from "./recents.ts";
import { Shortcuts } from "./Shortcuts.tsx";
import { TransferDialog } from "./Transfer.tsx";

const LINKS: Record<Link, string> = {
  connecting: "Connecting …",
  ready: "Ready",
  reconnecting: "Reconnecting …",
  refused: "Signed out",
  stopped: "Off: used in another place",
};

/** The phone of somebody who has signed in, if this is the tab for it. */
export function PhonePage({ session, onSignOut }: { session: Session; onSignOut: (why: string) => void }) {
  const tab = useMemo(() => new Tab(session.uri), []);
  const place = useValue(tab.place);
  useEffect(() => {
    void tab.claim();
    return () => tab.leave();
  }, [tab]);
  if (place === "here") return <Working session={session} tab={tab} onSignOut={onSignOut} />;
  if (place === "asking") return null;
  return (
    <main class="sign-in">
      <section class="card">
        <span class="mark">
          <Icon name="phone" />
        </span>
        <h1>Your phone is open in another tab</h1>
        <p role="status">
          {place === "busy_elsewhere"
            ? "There is a call going on in it. End the call first."
            : "Calls ring there. You can move the phone to this tab."}
        </p>
        <TextButton look="strong" onClick={() => void tab.takeOver()}>
          Use it here
        </TextButton>
      </section>
    </main>
  );
}

function Working({ session, tab, onSignOut }: { session: Session; tab: Tab; onSignOut: (why: string) => void }) {
  const devices = useMemo(() => new Devices(), []);
  const recents = useMemo(() => new Recents(session.uri), []);
  const phone = useMemo(() => new Phone({ session, devices, register: true, instance: instance() }), []);
  const [last, setLast] = useState("");
  const link = useValue(phone.link);
  const calls = useValue(phone.calls);

  useEffect(() => {
    phone.onRenewed = ({ token }) => keepToken(token);
    phone.onEnded = (call) => {
      const view = call.view.value;
      recents.add(view, Date.now());
      setLast(view.outcome === undefined ? "" : `${view.peer.name}: ${view.outcome.text}`);
      // Whoever waited while somebody else was asked is talked to again.
      const [waiting] = phone.calls.value;
      if (waiting !== undefined && phone.calls.value.length === 1) void waiting.hold(false);
    };
    tab.inCall = () => phone.calls.value.length > 0;
    const stay = (event: BeforeUnloadEvent) => {
      if (phone.calls.value.length > 0) event.preventDefault();
    };
    const leave = () => phone.stop();
    window.addEventListener("beforeunload", stay);
    window.addEventListener("pagehide", leave);
    phone.start();
    return () => {
      window.removeEventListener("beforeunload", stay);
      window.removeEventListener("pagehide", leave);
      phone.stop();
    };
  }, [phone]);
  useEffect(() => {
    if (link === "refused") onSignOut("Your session has ended. Sign in again.");
  }, [link]);

  const dial = (target: string, withCamera: boolean) => {
    setLast("");
    phone.dial(target, withCamera);
  };
  return (
    <div class="phone">
      <Bar session={session} link={link} devices={devices} phone={phone} onSignOut={() => onSignOut("")} />
      <main>
        {calls.length > 0 ? (
          <Calls calls={calls} phone={phone} devices={devices} />
        ) : (
          <>
            <p class="last" role="status">
              {last || "\u00a0"}
            </p>
            <Dialler recents={recents} ready={link === "ready"} onDial={dial} />
          </>
        )}
      </main>
    </div>
  );
}

function Bar({
  session,
  link,
  devices,
  phone,
  onSignOut,
}: {
  session: Session;
  link: Link;
  devices: Devices;
  phone: Phone;
  onSignOut: () => void;
}) {
  const [open, setOpen] = useState<"devices" | "keys">();
  const close = () => setOpen(undefined);
  return (
    <header class="bar">
      <span class="mark">
        <Icon name="phone" />
      </span>
      <div class="who">
        <b>{session.display_name || shown(session.uri)}</b>
        <span class={`link ${link}`} role="status">
          {LINKS[link]}
        </span>
      </div>
      <IconButton icon="settings" label="Devices" onClick={() => setOpen("devices")} />
      <IconButton icon="keyboard" label="Keyboard" onClick={() => setOpen("keys")} />
      <IconButton icon="leave" label="Sign out" onClick={onSignOut} />
      {open === "devices" && (
        <Dialog title="Devices" onClose={close}>
          <DeviceSettings devices={devices} sounds={phone.sounds} />
          <NotificationChoice />
        </Dialog>
      )}
      {open === "keys" && <Shortcuts onClose={close} />}
    </header>
  );
}

function NotificationChoice() {
  const [asking, setAsking] = useState(mayAsk());
  if (!asking) return null;
  return (
    <TextButton onClick={() => void ask().then(() => setAsking(mayAsk()))}>Notify me of calls in other windows</TextButton>
  );
}

function Calls({ calls, phone, devices }: { calls: readonly Call[]; phone: Phone; devices: Devices }) {
  const [transferring, setTransferring] = useState<Call>();
  const current = calls[calls.length - 1] as Call;
  const waiting = calls.length > 1 ? calls[0] : undefined;
  const view = useValue(current.view);
  useEffect(() => (view.state === "offered" ? callOut(view.peer.name) : undefined), [view.state]);

  const askFirst = async (call: Call, target: string) => {
    setTransferring(undefined);
    if ((await call.hold(true)) && phone.dial(target) === undefined) void call.hold(false);
  };
  return (
    <>
      {waiting !== undefined && <Waiting call={waiting} other={current} />}
      <CallPanel
        key={current.id}
        call={current}
        devices={devices}
        sounds={phone.sounds}
        onTransfer={waiting === undefined ? () => setTransferring(current) : undefined}
      />
      {transferring !== undefined && calls.includes(transferring) && (
        <TransferDialog
          name={transferring.view.value.peer.name}
          onBlind={(target) => {
            setTransferring(undefined);
            void transferring.transfer(target);
          }}
          onAsk={(target) => void askFirst(transferring, target)}
          onClose={() => setTransferring(undefined)}
        />
      )}
    </>
  );
}

/** The call that waits while somebody else is asked. */
function Waiting({ call, other }: { call: Call; other: Call }) {
  const view = useValue(call.view);
  const { state, peer } = useValue(other.view);
  return (
    <section class="card waiting" aria-label={`${view.peer.name} waits`}>
      <span>
        <b>{view.peer.name}</b>
        <small>{view.notice || saying(view)}</small>
      </span>
      <TextButton onClick={() => other.end()}>Back</TextButton>
      <TextButton
        look="strong"
        disabled={state !== "talking" || view.busy}
        onClick={() => void call.transfer(peer.name, other)}
      >
        Connect them
      </TextButton>
    </section>
  );
}
