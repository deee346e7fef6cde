/** What this end of a call sends: the microphone, and a camera or a screen. Follows the device choice at once. */

import type { Devices } from "./devices.ts";
import { Observable } from "./observable.ts";

export type Picture = "none" | "camera" | "screen";

export interface Sending {
  readonly picture: Picture;
  /** What the local preview shows. */
  readonly preview: MediaStream | undefined;
}

export class LocalMedia {
  readonly sending = new Observable<Sending>({ picture: "none", preview: undefined });
  /** Told when a screen share was ended from outside the page: the browser has a button for that. */
  onScreenEnded: () => void = () => undefined;

  readonly #devices: Devices;
  #audio: MediaStreamTrack | undefined;
  #video: MediaStreamTrack | undefined;
  #connection: RTCPeerConnection | undefined;
  #silent = false;
  #closed = false;
  readonly #unsubscribe: () => void;

  constructor(devices: Devices) {
    this.#devices = devices;
    let before = devices.choice.value;
    this.#unsubscribe = devices.choice.subscribe((choice) => {
      const [old, now] = [before, choice];
      before = choice;
      if (old.microphone !== now.microphone && this.#audio !== undefined) void this.#changeMicrophone();
      if (old.camera !== now.camera && this.sending.value.picture === "camera") void this.showCamera();
    });
  }

  /** Opens microphone and, if wanted, camera. Rejects as getUserMedia does. */
  async open(withCamera: boolean): Promise<MediaStream> {
    const audio = await this.#devices.microphone();
    if (this.#closed) {
      audio.stop();
      throw new DOMException("the call ended meanwhile", "InvalidStateError");
    }
    this.#takeMicrophone(audio);
    if (withCamera) await this.showCamera();
    return new MediaStream([audio, ...(this.#video === undefined ? [] : [this.#video])]);
  }

  /** From now on changes go to what this connection sends. */
  attach(connection: RTCPeerConnection): void {
    this.#connection = connection;
  }

  /** Whether the microphone gives silence: muted, or the call is held. */
  silence(silent: boolean): void {
    this.#silent = silent;
    if (this.#audio !== undefined) this.#audio.enabled = !silent;
  }

  async showCamera(facing?: "user" | "environment"): Promise<void> {
    // Phones open one camera at a time: the old one goes first.
    if (this.sending.value.picture === "camera") this.#video?.stop();
    await this.#show(await this.#devices.camera(facing), "camera");
  }

  async showScreen(): Promise<void> {
    const track = await this.#devices.screen();
    track.addEventListener("ended", () => this.onScreenEnded());
    await this.#show(track, "screen");
  }

  async showNothing(): Promise<void> {
    this.#video?.stop();
    this.#video = undefined;
    this.sending.set({ picture: "none", preview: undefined });
    await this.#videoTransceiver()?.sender.replaceTrack(null);
  }

  /** The other camera: front or back where the device says which is which, else the next in the list. */
  async flip(): Promise<void> {
    const facing = this.#video?.getSettings().facingMode;
    if (facing === "user" || facing === "environment") {
      await this.showCamera(facing === "user" ? "environment" : "user");
      return;
    }
    const cameras = this.#devices.list.value.camera;
    const current = this.#video?.getSettings().deviceId;
    const at = cameras.findIndex((each) => each.id === current);
    const other = cameras[(at + 1) % cameras.length];
    if (other !== undefined) this.#devices.choose("camera", other.id);
  }

  /**
   * Makes the connection send the picture, or not, and says whether that needs a new offer. `held`: nothing is sent or
   * shown, whatever the picture.
   */
  async direct(held: boolean): Promise<boolean> {
    const connection = this.#connection;
    if (connection === undefined) return false;
    let changed = false;
    const turn = (transceiver: RTCRtpTransceiver, direction: RTCRtpTransceiverDirection) => {
      if (transceiver.direction === direction) return;
      transceiver.direction = direction;
      changed = true;
    };
    const audio = connection.getTransceivers().find((each) => each.direction !== "stopped" && each.receiver.track.kind === "audio");
    if (audio !== undefined) turn(audio, held ? "sendonly" : "sendrecv");
    const video = this.#videoTransceiver();
    if (video !== undefined) {
      if (this.#video !== undefined) await video.sender.replaceTrack(this.#video);
      turn(video, held ? "inactive" : this.#video === undefined ? "recvonly" : "sendrecv");
    } else if (this.#video !== undefined && !held) {
      connection.addTransceiver(this.#video, { direction: "sendrecv", streams: [new MediaStream([this.#video])] });
      changed = true;
    }
    return changed;
  }

  close(): void {
    this.#closed = true;
    this.#unsubscribe();
    this.#audio?.stop();
    this.#video?.stop();
    this.#audio = this.#video = undefined;
    this.sending.set({ picture: "none", preview: undefined });
  }

  async #show(track: MediaStreamTrack, picture: Picture): Promise<void> {
    if (this.#closed) {
      track.stop();
      return;
    }
    const old = this.#video;
    this.#video = track;
    this.sending.set({ picture, preview: new MediaStream([track]) });
    await this.#videoTransceiver()?.sender.replaceTrack(track);
    if (old !== track) old?.stop();
  }

  async #changeMicrophone(): Promise<void> {
    let track: MediaStreamTrack;
    try {
      track = await this.#devices.microphone();
    } catch (error) {
      console.warn("the microphone stays as it was:", error);
      return;
    }
    const old = this.#audio;
    this.#takeMicrophone(track);
    if (this.#closed) return;
    const sender = this.#connection?.getSenders().find((each) => each.track?.kind === "audio");
    await sender?.replaceTrack(track);
    old?.stop();
  }

  #takeMicrophone(track: MediaStreamTrack): void {
    if (this.#closed) {
      track.stop();
      return;
    }
    this.#audio = track;
    track.enabled = !this.#silent;
    // Unplugged: what the system then offers is better than silence.
    track.addEventListener("ended", () => {
      if (this.#audio === track) void this.#devices.refresh().then(() => this.#changeMicrophone());
    });
  }

  #videoTransceiver(): RTCRtpTransceiver | undefined {
    return this.#connection
      ?.getTransceivers()
      .find((each) => each.direction !== "stopped" && each.receiver.track.kind === "video");
  }
}
