/** Microphones, speakers and cameras: which there are, which was chosen, and what keeps one from being used. */

import { Observable } from "./observable.ts";
import { MEDIA_PERMISSION_DENIED } from "./outcome.ts";

export type DeviceKind = "microphone" | "speaker" | "camera";

export interface Device {
  readonly id: string;
  readonly label: string;
}

export interface DeviceList {
  readonly microphone: readonly Device[];
  readonly speaker: readonly Device[];
  readonly camera: readonly Device[];
}

/** Ids as the browser gives them; "" is the system's own choice. */
export type DeviceChoice = Record<DeviceKind, string>;

const KINDS: Record<MediaDeviceKind, DeviceKind> = {
  audioinput: "microphone",
  audiooutput: "speaker",
  videoinput: "camera",
};
const NAMES: Record<DeviceKind, string> = { microphone: "Microphone", speaker: "Speaker", camera: "Camera" };
const NO_CHOICE: DeviceChoice = { microphone: "", speaker: "", camera: "" };
const STORED_AS = "softswitch.devices";

/** Why no sound or picture can be had, as a word for the server and a sentence for the user. */
export interface MediaProblem {
  readonly code: "media_permission_denied" | "media_device_missing" | "media_device_busy" | "media_unavailable";
  readonly text: string;
}

/** Of what getUserMedia rejects with (Media Capture and Streams, 10.3). */
export function mediaProblem(error: unknown): MediaProblem {
  switch (error instanceof Error ? error.name : "") {
    case "NotAllowedError":
    case "SecurityError":
      return { code: "media_permission_denied", text: MEDIA_PERMISSION_DENIED };
    case "NotFoundError":
    case "OverconstrainedError":
      return { code: "media_device_missing", text: "No microphone or camera was found. Connect one and try again." };
    case "NotReadableError":
    case "AbortError":
      return { code: "media_device_busy", text: "The microphone or camera is in use by another program." };
    default:
      return { code: "media_unavailable", text: "This browser gives no access to microphone and camera here." };
  }
}

/** Why this page can never call, if so: said before anybody tries. */
export function obstacle(): string | undefined {
  if (!window.isSecureContext) return "Calls need a secure connection: open this page with https.";
  if (!("RTCPeerConnection" in window) || navigator.mediaDevices === undefined) return "This browser cannot place calls.";
  return undefined;
}

export class Devices {
  readonly list = new Observable<DeviceList>({ microphone: [], speaker: [], camera: [] });
  readonly choice: Observable<DeviceChoice>;

  constructor() {
    this.choice = new Observable(stored());
    navigator.mediaDevices?.addEventListener("devicechange", () => void this.refresh());
    void this.refresh();
  }

  /** Reads the list again: labels appear once a permission was given. */
  async refresh(): Promise<void> {
    if (navigator.mediaDevices === undefined) return;
    const found: Record<DeviceKind, Device[]> = { microphone: [], speaker: [], camera: [] };
    for (const each of await navigator.mediaDevices.enumerateDevices()) {
      const kind = KINDS[each.kind];
      // "default" and "communications" repeat a device; the system's own choice is offered anyway.
      if (each.deviceId === "" || each.deviceId === "default" || each.deviceId === "communications") continue;
      found[kind].push({ id: each.deviceId, label: each.label || `${NAMES[kind]} ${found[kind].length + 1}` });
    }
    this.list.set(found);
  }

  choose(kind: DeviceKind, id: string): void {
    this.choice.set({ ...this.choice.value, [kind]: id });
    try {
      localStorage.setItem(STORED_AS, JSON.stringify(this.choice.value));
    } catch {
      // Storage may be forbidden; the choice then lasts as long as the page.
    }
  }

  /** The chosen device while it is connected, "" when it is not: the system's own is better than none. */
  present(kind: DeviceKind): string {
    const id = this.choice.value[kind];
    return this.list.value[kind].some((each) => each.id === id) ? id : "";
  }

  async microphone(): Promise<MediaStreamTrack> {
    const id = this.present("microphone");
    const audio: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    if (id !== "") audio.deviceId = { exact: id };
    return await this.#track({ audio });
  }

  async camera(facing?: "user" | "environment"): Promise<MediaStreamTrack> {
    const id = this.present("camera");
    const video: MediaTrackConstraints = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
    if (facing !== undefined) video.facingMode = facing;
    else if (id !== "") video.deviceId = { exact: id };
    return await this.#track({ video });
  }

  async screen(): Promise<MediaStreamTrack> {
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 15 } }, audio: false });
    const [track] = stream.getVideoTracks();
    if (track === undefined) throw new DOMException("nothing was shared", "NotFoundError");
    track.contentHint = "detail";
    return track;
  }

  async #track(constraints: MediaStreamConstraints): Promise<MediaStreamTrack> {
    if (navigator.mediaDevices === undefined) throw new DOMException("no media devices", "NotSupportedError");
    const [track] = (await navigator.mediaDevices.getUserMedia(constraints)).getTracks();
    if (track === undefined) throw new DOMException("no track", "NotFoundError");
    void this.refresh();
    return track;
  }
}

function stored(): DeviceChoice {
  try {
    const read: unknown = JSON.parse(localStorage.getItem(STORED_AS) ?? "{}");
    if (typeof read !== "object" || read === null) return NO_CHOICE;
    const choice = { ...NO_CHOICE };
    for (const [kind, id] of Object.entries(read)) {
      if (kind in choice && typeof id === "string") choice[kind as DeviceKind] = id;
    }
    return choice;
  } catch {
    return NO_CHOICE;
  }
}
