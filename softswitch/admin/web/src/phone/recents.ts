/** The last calls of a user in this browser, newest first. */

import type { CallView } from "../call/call.ts";
import { Observable } from "../call/observable.ts";

export interface Recent {
  readonly number: string;
  readonly name: string;
  readonly outgoing: boolean;
  /** Milliseconds of the wall clock. */
  readonly at: number;
  /** Of talking; 0 for a call that was never established. */
  readonly seconds: number;
  readonly text: string;
}

const MOST = 30;

export class Recents {
  readonly list: Observable<readonly Recent[]>;
  readonly #key: string;

  constructor(user: string) {
    this.#key = `softswitch.recents.${user}`;
    this.list = new Observable(this.#read());
  }

  add(view: CallView, now: number): void {
    const recent: Recent = {
      number: view.peer.number,
      name: view.peer.name,
      outgoing: view.outgoing,
      at: now,
      seconds: view.since === undefined ? 0 : Math.round((now - view.since) / 1000),
      text: view.outcome?.text ?? "",
    };
    this.list.set([recent, ...this.list.value].slice(0, MOST));
    try {
      localStorage.setItem(this.#key, JSON.stringify(this.list.value));
    } catch {
      // Storage may be forbidden or full; the list then lasts as long as the page.
    }
  }

  #read(): readonly Recent[] {
    try {
      const read: unknown = JSON.parse(localStorage.getItem(this.#key) ?? "[]");
      return Array.isArray(read) ? read.filter(isRecent).slice(0, MOST) : [];
    } catch {
      return [];
    }
  }
}

function isRecent(value: unknown): value is Recent {
  const each = value as Recent | null;
  return (
    typeof each?.number === "string" &&
    typeof each.name === "string" &&
    typeof each.at === "number" &&
    typeof each.seconds === "number"
  );
}
