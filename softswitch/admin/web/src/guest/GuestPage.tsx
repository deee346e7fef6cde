import { useEffect, useMemo, useState } from "preact/hooks";

import { Refused, type Session } from "../call/api.ts";
import { Devices, obstacle } from "../call/devices.ts";
import type { Outcome } from "../call/outcome.ts";
import { Phone } from "../call/phone.ts";
import { Avatar } from "../ui/Avatar.tsx";
import { TextButton } from "../ui/Button.tsx";
import { CallPanel } from "../ui/CallPanel.tsx";
import { useValue } from "../ui/hooks.ts";
import { Icon } from "../ui/icons.tsx";
import { type CallLink, type GuestSession, look, lookAgainIn, moment, openGuestSession } from "./link.ts";

/** The page of a call link: whom it calls, one or two buttons, the call, and how it ended. */
export function GuestPage({ token }: { token: string }) {
  const [link, setLink] = useState<CallLink>();
  const [problem, setProblem] = useState(obstacle() ?? "");
  const [session, setSession] = useState<GuestSession>();
  const [withCamera, setWithCamera] = useState(false);
  const [busy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState<Outcome>();

  const refresh = async () => {
    try {
      const found = await look(token);
      setLink(found);
      setProblem(obstacle() ?? "");
      document.title = `Call ${found.title}`;
    } catch (error) {
      // Without an answer there is nothing new to say of a link that is on the page already.
      if (error instanceof Refused || link === undefined) setProblem(error instanceof Error ? error.message : String(error));
      if (error instanceof Refused) setLink(undefined);
    }
  };
  useEffect(() => void refresh(), []);
  useEffect(() => {
    const wait = link === undefined || session !== undefined ? undefined : lookAgainIn(link, Date.now());
    if (wait === undefined) return undefined;
    const timer = setTimeout(() => void refresh(), wait);
    return () => clearTimeout(timer);
  }, [link, session]);

  const start = async (camera: boolean) => {
    setBusy(true);
    setProblem("");
    setOutcome(undefined);
    try {
      setWithCamera(camera);
      setSession(await openGuestSession(token));
    } catch (error) {
      if (error instanceof Refused) await refresh();
      setProblem(error instanceof Error ? error.message : String(error));
    }
    setBusy(false);
  };
  const ended = (how: Outcome) => {
    setSession(undefined);
    setOutcome(how);
    void refresh();
  };

  if (session !== undefined && link !== undefined) {
    return <GuestCall token={token} link={link} session={session} withCamera={withCamera} onEnded={ended} />;
  }
  return <Welcome link={link} problem={problem} outcome={outcome} busy={busy} onStart={(camera) => void start(camera)} onRetry={() => void refresh()} />;
}

/** Before a call, and after it. */
function Welcome({
  link,
  problem,
  outcome,
  busy,
  onStart,
  onRetry,
}: {
  link: CallLink | undefined;
  problem: string;
  outcome: Outcome | undefined;
  busy: boolean;
  onStart: (camera: boolean) => void;
  onRetry: () => void;
}) {
  const open = link !== undefined && link.state === "open";
  const reason = problem || link?.reason || "";
  return (
    <main class="sign-in guest">
      <section class="card">
        {link === undefined ? (
          <span class="mark">
            <Icon name="phone" />
          </span>
        ) : (
          <Avatar name={link.title} />
        )}
        <div>
          {open && outcome === undefined && <p class="told">You are about to call</p>}
          <h1>{link?.title ?? (problem === "" ? "One moment …" : "This call cannot be made")}</h1>
        </div>
        <p class={outcome === undefined ? "unseen" : "told"} role="status">
          {outcome?.text ?? ""}
        </p>
        {reason !== "" && (
          <p class={open ? "problem" : "reason"} role="alert">
            {reason}
          </p>
        )}
        {link?.state === "not_yet_valid" && <p class="when">From {moment(link.valid_from)}</p>}
        {open && (
          <>
            <TextButton look="strong" disabled={busy} onClick={() => onStart(false)}>
              <Icon name="phone" /> {outcome === undefined ? "Start audio call" : "Call again"}
            </TextButton>
            {link.kind === "video" && (
              <TextButton disabled={busy} onClick={() => onStart(true)}>
                <Icon name="camera" /> {outcome === undefined ? "Start video call" : "Call again with video"}
              </TextButton>
            )}
            <p class="hint">Your browser will ask for your microphone{link.kind === "video" ? ", and for your camera in a video call" : ""}.</p>
          </>
        )}
        {link === undefined && problem !== "" && <TextButton onClick={onRetry}>Try again</TextButton>}
      </section>
    </main>
  );
}

/** One call, from the first ring to its end. */
function GuestCall({
  token,
  link,
  session,
  withCamera,
  onEnded,
}: {
  token: string;
  link: CallLink;
  session: GuestSession;
  withCamera: boolean;
  onEnded: (outcome: Outcome) => void;
}) {
  const devices = useMemo(() => new Devices(), []);
  const phone = useMemo(() => {
    const renew = (last: Session) => openGuestSession(token, last);
    return new Phone({ session, devices, register: true, instance: crypto.randomUUID(), renew });
  }, []);
  const state = useValue(phone.link);
  const [call] = useValue(phone.calls);

  useEffect(() => {
    let dialled = false;
    const dial = () => {
      if (dialled || phone.link.value !== "ready") return;
      dialled = true;
      phone.dial(session.call, withCamera, link.title);
    };
    phone.onEnded = (over) => onEnded(over.view.value.outcome ?? { text: "The call ended", failed: false });
    const stay = (event: BeforeUnloadEvent) => {
      if (phone.calls.value.length > 0) event.preventDefault();
    };
    const leave = () => phone.stop();
    const unsubscribe = phone.link.subscribe(dial);
    window.addEventListener("beforeunload", stay);
    window.addEventListener("pagehide", leave);
    phone.start();
    return () => {
      unsubscribe();
      window.removeEventListener("beforeunload", stay);
      window.removeEventListener("pagehide", leave);
      phone.stop();
    };
  }, [phone]);
  useEffect(() => {
    if (state === "refused" && phone.calls.value.length === 0) onEnded({ text: "The call could not be placed", failed: true });
  }, [state]);

  return (
    <main class="guest-call">
      {call === undefined ? (
        <section class="call-panel">
          <Avatar name={link.title} calling />
          <h1>{link.title}</h1>
          <p role="status">Connecting …</p>
          <TextButton onClick={() => onEnded({ text: "Cancelled", failed: false })}>Cancel</TextButton>
        </section>
      ) : (
        <CallPanel call={call} devices={devices} sounds={phone.sounds} plain pictures={link.kind === "video"} />
      )}
    </main>
  );
}
