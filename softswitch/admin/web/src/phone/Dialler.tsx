import { useState } from "preact/hooks";

import { duration } from "../call/outcome.ts";
import { CallButton, IconButton } from "../ui/Button.tsx";
import { useFirstField, useKeys, useValue } from "../ui/hooks.ts";
import { Icon } from "../ui/icons.tsx";
import { Keypad } from "../ui/Keypad.tsx";
import type { Recent, Recents } from "./recents.ts";

/** Whom to call: typed, by keypad, or from the last calls. */
export function Dialler({
  recents,
  ready,
  onDial,
}: {
  recents: Recents;
  ready: boolean;
  onDial: (target: string, withCamera: boolean) => void;
}) {
  const [target, setTarget] = useState("");
  const field = useFirstField();
  const list = useValue(recents.list);
  const dial = (withCamera: boolean) => {
    if (target.trim() !== "") onDial(target, withCamera);
    // An empty field takes the last number back, as telephones do.
    else setTarget(list.find((each) => each.outgoing)?.number ?? "");
  };
  useKeys({ F2: () => dial(false) });
  return (
    <div class="dialler">
      <form
        class="card pad"
        onSubmit={(event) => {
          event.preventDefault();
          dial(false);
        }}
      >
        <div class="target">
          <input
            ref={field}
            aria-label="Number or name to call"
            placeholder="Number or name"
            value={target}
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            enterkeyhint="go"
            onInput={(event) => setTarget(event.currentTarget.value)}
          />
          <span class={target === "" ? "hidden" : ""}>
            <IconButton icon="erase" label="Erase last digit" onClick={() => setTarget(target.slice(0, -1))} />
          </span>
        </div>
        <Keypad label="Dial pad" onKey={(digit) => setTarget((before) => before + digit)} />
        <div class="options">
          <CallButton icon="camera" label="Video call" disabled={!ready} onClick={() => dial(true)} />
          <CallButton icon="phone" look="go" label="Call" shortcut="F2" disabled={!ready} onClick={() => dial(false)} />
        </div>
      </form>
      <RecentCalls list={list} ready={ready} onDial={(number) => onDial(number, false)} />
    </div>
  );
}

function RecentCalls({
  list,
  ready,
  onDial,
}: {
  list: readonly Recent[];
  ready: boolean;
  onDial: (number: string) => void;
}) {
  return (
    <section class="card recents" aria-label="Recent calls">
      <h2>Recent calls</h2>
      {list.length === 0 ? (
        <p class="nothing">Calls you make and receive appear here.</p>
      ) : (
        <ul>
          {list.map((each) => (
            <li key={each.at}>
              <button
                type="button"
                disabled={!ready}
                onClick={() => onDial(each.number)}
                aria-label={`Call ${each.name}. ${describe(each)}`}
              >
                <span class={each.seconds === 0 && !each.outgoing ? "way missed" : "way"}>
                  <Icon name={each.outgoing ? "out" : "in"} />
                </span>
                <span class="who">
                  <b>{each.name}</b>
                  <small>{each.seconds > 0 ? duration(each.seconds) : each.text}</small>
                </span>
                <time dateTime={new Date(each.at).toISOString()}>{when(each.at)}</time>
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function describe(each: Recent): string {
  const way = each.outgoing ? "You called" : "Called you";
  return `${way}, ${when(each.at)}, ${each.seconds > 0 ? duration(each.seconds) : each.text}`;
}

function when(at: number): string {
  const date = new Date(at);
  const today = date.toDateString() === new Date().toDateString();
  return today
    ? date.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" })
    : date.toLocaleDateString(undefined, { day: "numeric", month: "short" });
}
