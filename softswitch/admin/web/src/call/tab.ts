/**
 * One phone per user and browser: a second tab does not ring beside the first, it says so and offers to take over.
 *
 * The tab that works holds a lock (Web Locks); taking over steals it. Nobody takes a phone away from a call that goes
 * on: the tab that holds the lock tells by a broadcast whether it is in one.
 */

import { Observable } from "./observable.ts";

export type Place = "here" | "elsewhere" | "busy_elsewhere" | "asking";

const ANSWER_WITHIN_MS = 150;

type Message = "busy?" | "busy";

export class Tab {
  readonly place = new Observable<Place>("asking");
  /** Whether this tab has a call. */
  inCall: () => boolean = () => false;
  readonly #name: string;
  readonly #channel: BroadcastChannel;
  #leave: (() => void) | undefined;

  constructor(user: string) {
    this.#name = `softswitch.phone.${user}`;
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.addEventListener("message", ({ data }: MessageEvent<Message>) => {
      if (data === "busy?" && this.place.value === "here" && this.inCall()) this.#say("busy");
    });
  }

  /** Becomes the one tab if there is none. */
  async claim(): Promise<void> {
    await this.#request({ ifAvailable: true });
  }

  /** Becomes the one tab in place of another, unless that is in a call. */
  async takeOver(): Promise<void> {
    if (await this.#otherIsBusy()) this.place.set("busy_elsewhere");
    else await this.#request({ steal: true });
  }

  leave(): void {
    this.#leave?.();
    this.#channel.close();
  }

  #say(message: Message): void {
    this.#channel.postMessage(message);
  }

  async #otherIsBusy(): Promise<boolean> {
    return await new Promise((resolve) => {
      const heard = ({ data }: MessageEvent<Message>) => {
        if (data === "busy") resolve(true);
      };
      this.#channel.addEventListener("message", heard);
      setTimeout(() => {
        this.#channel.removeEventListener("message", heard);
        resolve(false);
      }, ANSWER_WITHIN_MS);
      this.#say("busy?");
    });
  }

  async #request(options: LockOptions): Promise<void> {
    if (navigator.locks === undefined) {
      this.place.set("here");
      return;
    }
    await new Promise<void>((decided) => {
      const held = navigator.locks.request(this.#name, options, async (lock) => {
        this.place.set(lock === null ? "elsewhere" : "here");
        decided();
        if (lock !== null) await new Promise<void>((resolve) => (this.#leave = resolve));
      });
      // The lock was stolen: another tab is the phone now.
      held.catch(() => this.place.set("elsewhere"));
    });
  }
}
