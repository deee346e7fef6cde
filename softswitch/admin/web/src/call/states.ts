/**
 * What a call can be in, and what may be done with it then. Pure: no SIP, no media, no clock.
 *
 *   calling ──> ringing ──> early ──> talking ──> ended       we call
 *   offered ──> answering ─────────> talking ──> ended        we are called
 *
 * Holds, muting and video are not states: they go on beside each other while the call is talking.
 */

export type CallState = "calling" | "ringing" | "early" | "offered" | "answering" | "talking" | "ended";

export type CallEvent =
  | "rings" // 180: the far end rings, and we have to say so ourselves
  | "early_media" // 183 with a description: the far end's own tones are heard
  | "taken" // the user answers; microphone and description are being fetched
  | "established"
  | "over";

const TRANSITIONS: Record<CallState, Partial<Record<CallEvent, CallState>>> = {
  calling: { rings: "ringing", early_media: "early", established: "talking", over: "ended" },
  ringing: { rings: "ringing", early_media: "early", established: "talking", over: "ended" },
  early: { rings: "early", early_media: "early", established: "talking", over: "ended" },
  offered: { taken: "answering", over: "ended" },
  answering: { established: "talking", over: "ended" },
  talking: { over: "ended" },
  ended: {},
};

/** The state after `event`; an event that means nothing in this state changes nothing. */
export function next(state: CallState, event: CallEvent): CallState {
  return TRANSITIONS[state][event] ?? state;
}

export type Action =
  | "answer"
  | "decline"
  | "end"
  | "mute"
  | "hold"
  | "keypad"
  | "camera"
  | "screen"
  | "transfer"
  | "devices";

/** What a call's options depend on, besides its state. */
export interface Circumstances {
  readonly state: CallState;
  readonly held: boolean;
  /** Whether signalling reaches the server: without it nothing can be negotiated. */
  readonly connected: boolean;
  /** Whether a change (hold, camera) is under way. */
  readonly busy: boolean;
}

/** The options to show: only those that would do something now. */
export function allowed(call: Circumstances): ReadonlySet<Action> {
  switch (call.state) {
    case "offered":
      return new Set(["answer", "decline"]);
    case "answering":
      return new Set(["end"]);
    case "calling":
    case "ringing":
      return new Set(["end", "mute", "devices"]);
    case "early":
      return new Set(["end", "mute", "keypad", "devices"]);
    case "ended":
      return new Set();
    case "talking": {
      const actions = new Set<Action>(["end", "devices"]);
      if (!call.held) actions.add("mute").add("keypad");
      if (call.connected && !call.busy) {
        actions.add("hold").add("transfer");
        if (!call.held) actions.add("camera").add("screen");
      }
      return actions;
    }
  }
}
