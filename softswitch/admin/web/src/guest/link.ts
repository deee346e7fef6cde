/** A call link as the page sees it: whom it calls, whether it may be used, and the session it is exchanged for. */

import { Refused, type Session, Unreachable } from "../call/api.ts";

export interface CallLink {
  /** Who is called, in words. */
  readonly title: string;
  /** With `video` a guest may also start an audio call. */
  readonly kind: "audio" | "video";
  /** ISO 8601. */
  readonly valid_from: string;
  readonly valid_until: string;
  /** `open`, or a code that says why nobody may call. */
  readonly state: string;
  /** The same in a sentence. */
  readonly reason: string | null;
}

export interface GuestSession extends Session {
  /** The one address this session may call. */
  readonly call: string;
}

/** The last part of `/call/<token>`. */
export function tokenOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Whether the page may soon be told something else, so that it is worth to look again. */
export function mayOpen({ state }: CallLink): boolean {
  return ["not_yet_valid", "outside_hours", "in_use", "busy"].includes(state);
}

/** Milliseconds until it is worth to look at the link again; undefined: it is not. */
export function lookAgainIn(link: CallLink, now: number): number | undefined {
  if (link.state === "not_yet_valid") return Math.max(1_000, Math.min(Date.parse(link.valid_from) - now, 3_600_000));
  return mayOpen(link) ? 60_000 : undefined;
}

/** "Friday, 29 May, 10:00", where the guest is. */
export function moment(iso: string, locale?: string, timeZone?: string): string {
  const options: Intl.DateTimeFormatOptions = { weekday: "long", day: "numeric", month: "long", hour: "numeric", minute: "2-digit" };
  return new Intl.DateTimeFormat(locale, timeZone === undefined ? options : { ...options, timeZone }).format(new Date(iso));
}

export async function look(token: string): Promise<CallLink> {
  return (await ask(`/api/links/${encodeURIComponent(token)}`, {})) as CallLink;
}

/** A session to call with; `last`: the one before, of which it is the continuation. */
export async function openGuestSession(token: string, last?: Session): Promise<GuestSession> {
  const body = JSON.stringify(last === undefined ? {} : { token: last.token });
  const headers = { "Content-Type": "application/json" };
  return (await ask(`/api/links/${encodeURIComponent(token)}/session`, { method: "POST", headers, body })) as GuestSession;
}

async function ask(path: string, options: RequestInit): Promise<unknown> {
  let answer: Response;
  try {
    answer = await fetch(path, { ...options, credentials: "omit", cache: "no-store" });
  } catch {
    throw new Unreachable("The server cannot be reached. Check your connection.");
  }
  if (answer.ok) return await answer.json();
  const told = (await answer.json().catch(() => ({}))) as { error?: string };
  if (answer.status < 500 && told.error !== undefined) throw new Refused(told.error);
  throw new Unreachable(`The server has a problem (${answer.status}). Try again in a moment.`);
}
