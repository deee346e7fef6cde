/** One call: a SIP session, what is sent and heard in it, and how good it is, as one value that pages show. */

import type {
  IncomingEvent,
  IncomingInfoEvent,
  OutgoingEvent,
  OutgoingInfoEvent,
  RTCSession,
} from "jssip/lib/RTCSession";
import { DTMF_TRANSPORT } from "jssip/lib/Constants";
import type { URI } from "jssip/lib/URI";

import { type Devices, type MediaProblem, mediaProblem } from "./devices.ts";
import { sendSoon } from "./gathering.ts";
import { LocalMedia, type Picture } from "./media.ts";
import { Monitor, QUALITY_TYPE } from "./monitor.ts";
import { dialable } from "./number.ts";
import { Observable } from "./observable.ts";
import { type Outcome, over, refused } from "./outcome.ts";
import { Recovery } from "./recovery.ts";
import { renegotiate } from "./renegotiate.ts";
import type { Ended, ReferProgress, SipSession } from "./sip.ts";
import { type Action, allowed, type CallEvent, type CallState, next } from "./states.ts";

export interface Peer {
  /** The user part of its address: a number, or a name to dial. */
  readonly number: string;
  readonly name: string;
}

export interface CallView {
  readonly outgoing: boolean;
  readonly state: CallState;
  readonly peer: Peer;
  /** Whether the caller offers a picture. */
  readonly videoOffered: boolean;
  /** Milliseconds of the wall clock when it was established. */
  readonly since: number | undefined;
  readonly muted: boolean;
  readonly held: boolean;
  readonly heldByPeer: boolean;
  readonly connected: boolean;
  readonly busy: boolean;
  /** Whether media has lost its way and is being looked for. */
  readonly recovering: boolean;
  readonly picture: Picture;
  readonly remotePicture: boolean;
  readonly score: number | undefined;
  readonly ownWeak: boolean;
  readonly farWeak: boolean;
  /** One sentence about what could not be done, or is being done. */
  readonly notice: string;
  readonly outcome: Outcome | undefined;
}

export interface CallOptions {
  readonly devices: Devices;
  readonly iceServers: RTCIceServer[];
}

let made = 0;

export class Call {
  readonly id = ++made;
  readonly view: Observable<CallView>;
  readonly media: LocalMedia;
  /** What is seen of the other side. */
  readonly remote = new Observable<MediaStream | undefined>(undefined);

  readonly #options: CallOptions;
  readonly #monitor: Monitor;
  readonly #recovery: Recovery;
  readonly #audio = new Audio();
  readonly #unsubscribe: (() => void)[] = [];
  #session: SipSession | undefined;

  private constructor(options: CallOptions, outgoing: boolean, peer: Peer, videoOffered: boolean) {
    this.#options = options;
    this.view = new Observable<CallView>({
      outgoing,
      state: outgoing ? "calling" : "offered",
      peer,
      videoOffered,
      since: undefined,
      muted: false,
      held: false,
      heldByPeer: false,
      connected: true,
      busy: false,
      recovering: false,
      picture: "none",
      remotePicture: false,
      score: undefined,
      ownWeak: false,
      farWeak: false,
      notice: "",
      outcome: undefined,
    });
    this.media = new LocalMedia(options.devices);
    this.media.onScreenEnded = () => void this.showPicture("none");
    this.#monitor = new Monitor((verdict) => this.view.patch(verdict));
    this.#recovery = new Recovery(
      () => this.#renegotiate({ iceRestart: true }),
      () => this.#hangUp("Connection Error"),
    );
    this.#audio.autoplay = true;
    this.#unsubscribe.push(
      this.media.sending.subscribe(({ picture }) => this.view.patch({ picture })),
      options.devices.choice.subscribe(() => void this.#chooseSpeaker()),
    );
  }

  /** Calls somebody: `place` hands the opened media to JsSIP and returns its session. */
  static out(
    options: CallOptions,
    peer: Peer,
    withCamera: boolean,
    place: (call: Call, stream: MediaStream) => RTCSession,
  ): Call {
    const call = new Call(options, true, peer, false);
    void call.#place(withCamera, place);
    return call;
  }

  /** Somebody calls. */
  static in(options: CallOptions, session: RTCSession, body: string): Call {
    const from = session.remote_identity;
    const number = from.uri.user ?? "";
    const videoOffered = /^m=video [1-9]/m.test(body);
    const call = new Call(options, false, { number, name: from.display_name || number }, videoOffered);
    call.#adopt(session);
    return call;
  }

  get actions(): ReadonlySet<Action> {
    return allowed(this.view.value);
  }

  get over(): boolean {
    return this.view.value.state === "ended";
  }

  /** Handlers that JsSIP must know before it begins. */
  get early(): { peerconnection: (event: { peerconnection: RTCPeerConnection }) => void } {
    return { peerconnection: ({ peerconnection }) => this.#watch(peerconnection) };
  }

  /** What JsSIP's `call` and `answer` share. */
  terms(stream: MediaStream): { mediaStream: MediaStream; pcConfig: RTCConfiguration } {
    return { mediaStream: stream, pcConfig: { iceServers: this.#options.iceServers, bundlePolicy: "max-bundle" } };
  }

  async answer(withCamera: boolean): Promise<void> {
    if (this.view.value.state !== "offered") return;
    this.#step("taken");
    const stream = await this.#open(withCamera && this.view.value.videoOffered);
    if (stream !== undefined) this.#session?.answer(this.terms(stream));
  }

  decline(): void {
    this.#end({ status_code: 603, reason_phrase: "Decline" });
  }

  /** Somebody is talked to already. */
  refuseBusy(): void {
    this.#end({ status_code: 486, reason_phrase: "Busy Here" });
  }

  end(): void {
    this.#end({});
  }

  mute(muted: boolean): void {
    this.view.patch({ muted });
    this.#applySilence();
  }

  async hold(held: boolean): Promise<boolean> {
    if (!this.actions.has("hold") || this.view.value.held === held) return this.view.value.held === held;
    return await this.#change(held, held ? "The call could not be put on hold." : "The call could not be resumed.");
  }

  async showPicture(picture: Picture): Promise<void> {
    const before = this.view.value.picture;
    if (!this.actions.has("camera") || before === picture) return;
    try {
      if (picture === "camera") await this.media.showCamera();
      else if (picture === "screen") await this.media.showScreen();
      else await this.media.showNothing();
    } catch (error) {
      // Closing the browser's dialog is no problem that has to be told.
      const dismissed = picture === "screen" && error instanceof Error && error.name === "NotAllowedError";
      if (!dismissed) this.view.patch({ notice: mediaProblem(error).text });
      return;
    }
    const agreed = await this.#change(this.view.value.held, "The other side cannot take a picture.");
    if (!agreed || (picture !== "none" && !this.#sendsPicture())) {
      await this.media.showNothing();
      this.view.patch({ notice: "The other side cannot take a picture." });
    }
  }

  async flipCamera(): Promise<void> {
    await this.media.flip().catch((error: unknown) => this.view.patch({ notice: mediaProblem(error).text }));
  }

  /** One of 0-9, A-D, * and #: as telephone-event (RFC 4733) where that was agreed on, else by INFO. */
  press(digit: string): void {
    if (!this.actions.has("keypad")) return;
    const sender = this.#session?.connection.getSenders().find((each) => each.track?.kind === "audio");
    const transportType = sender?.dtmf?.canInsertDTMF ? "RFC2833" : "INFO";
    this.#session?.sendDTMF(digit, { duration: 160, interToneGap: 70, transportType: transportType as DTMF_TRANSPORT });
  }

  /**
   * Hands the other party over: blind, or into `replaces`, the call with whom it shall talk instead (RFC 5589).
   * Resolves with whether it went; a transfer that failed leaves this call as it was.
   */
  async transfer(target: string, replaces?: Call): Promise<boolean> {
    const session = this.#session;
    if (session === undefined || !this.actions.has("transfer")) return false;
    this.view.patch({ busy: true, notice: `Transferring to ${target} …` });
    const replaced = replaces === undefined ? undefined : replaces.#session;
    const uri: string | URI = replaced === undefined ? dialable(target) : replaced.remote_identity.uri;
    const went = await new Promise<boolean>((resolve) => {
      const failed = (event: ReferProgress) => {
        const status = event.status_line?.status_code;
        this.view.patch({ notice: status === undefined ? "The transfer was refused." : `Transfer: ${refused(status).text}` });
        resolve(false);
      };
      session.refer(uri, {
        eventHandlers: { requestFailed: failed, failed, accepted: () => resolve(true) },
        ...(replaced === undefined ? {} : { replaces: replaced }),
      });
      // The server may say goodbye instead of a last NOTIFY: the party is in good hands then as well.
      session.on("ended", () => resolve(true));
    });
    this.view.patch({ busy: false });
    if (went) this.#finish({ text: `Transferred to ${target}`, failed: false });
    if (went && !session.isEnded()) session.terminate();
    return went;
  }

  /** Whether SIP reaches the server; when it does again, what was lost meanwhile is looked for. */
  signalling(connected: boolean): void {
    this.view.patch({ connected });
    if (connected) this.#recovery.tryNow();
  }

  async #place(withCamera: boolean, place: (call: Call, stream: MediaStream) => RTCSession): Promise<void> {
    const stream = await this.#open(withCamera);
    if (stream === undefined) return;
    try {
      this.#adopt(place(this, stream));
    } catch (error) {
      console.warn("the call could not be placed:", error);
      this.#finish({ text: "This cannot be dialled", failed: true });
    }
  }

  async #open(withCamera: boolean): Promise<MediaStream | undefined> {
    try {
      const stream = await this.media.open(withCamera);
      if (!this.over) return stream;
    } catch (error) {
      if (!this.over) {
        const problem = mediaProblem(error);
        this.#finish({ text: problem.text, failed: true });
        this.#reject(problem);
      }
    }
    this.media.close();
    return undefined;
  }

  /** 480: it is this device that cannot, others may still ring. The words are what the switch tells of it (RFC 6432). */
  #reject({ code, text }: MediaProblem): void {
    if (this.#session === undefined || this.#session.isEnded()) return;
    this.#session.terminate({ status_code: 480, extraHeaders: [`Reason: Q.850;cause=21;text="${text}";code=${code}`] });
  }

  #adopt(rtcSession: RTCSession): void {
    const session = rtcSession as SipSession;
    this.#session = session;
    keepWhenIceFails(session);
    if (session.connection) this.#watch(session.connection);
    session.on("peerconnection", ({ peerconnection }) => this.#watch(peerconnection));
    session.on("icecandidate", sendSoon);
    session.on("progress", (event: IncomingEvent | OutgoingEvent) => {
      if (!("response" in event) || event.response === null) return;
      this.#step(event.response.body ? "early_media" : "rings");
    });
    session.on("accepted", () => {
      this.view.patch({ since: Date.now() });
      this.#step("established");
      this.#monitor.start(session.connection);
    });
    session.on("hold", ({ originator }) => this.#heldByPeer(originator, true));
    session.on("unhold", ({ originator }) => this.#heldByPeer(originator, false));
    session.on("newInfo", ({ originator, info }: IncomingInfoEvent | OutgoingInfoEvent) => {
      const type = info.contentType?.split(";")[0]?.trim().toLowerCase();
      if ((originator as string) === "remote" && type === QUALITY_TYPE) this.#monitor.tell(info.body);
    });
    session.on("refer", ({ reject }) => reject());
    session.on("replaces", ({ reject }) => reject());
    session.on("failed", (event) => this.#finish(outcome(event, false)));
    session.on("ended", (event) => this.#finish(outcome(event, true)));
  }

  #watch(connection: RTCPeerConnection): void {
    this.media.attach(connection);
    connection.addEventListener("track", ({ track }) => {
      if (track.kind === "audio") {
        this.#audio.srcObject = new MediaStream([track]);
        void this.#chooseSpeaker();
        void this.#audio.play().catch(() => undefined);
      } else {
        this.remote.set(new MediaStream([track]));
      }
    });
    connection.addEventListener("signalingstatechange", () => {
      if (connection.signalingState === "stable") this.#seePictures(connection);
    });
    connection.addEventListener("iceconnectionstatechange", () => {
      const state = connection.iceConnectionState;
      if (state === "failed" || state === "disconnected") this.#recovery.pathLost(state === "failed");
      else if (state === "connected" || state === "completed") this.#recovery.pathFound();
      this.view.patch({ recovering: this.#recovery.lost });
    });
  }

  #seePictures(connection: RTCPeerConnection): void {
    const directions = connection
      .getTransceivers()
      .filter((each) => each.receiver.track.kind === "video")
      .map((each) => each.currentDirection);
    this.view.patch({ remotePicture: directions.some((each) => each === "sendrecv" || each === "recvonly") });
  }

  #sendsPicture(): boolean {
    const transceivers = this.#session?.connection.getTransceivers() ?? [];
    return transceivers.some(
      (each) =>
        each.receiver.track.kind === "video" &&
        (each.currentDirection === "sendrecv" || each.currentDirection === "sendonly"),
    );
  }

  /** Makes the session agree with what is sent and whether it is held; on refusal all stays as it was. */
  async #change(held: boolean, problem: string): Promise<boolean> {
    const before = this.view.value.held;
    this.view.patch({ busy: true, notice: "" });
    const needed = await this.media.direct(held);
    const agreed = !needed || (await this.#renegotiate({}));
    if (!agreed) await this.media.direct(before);
    this.view.patch({ busy: false, held: agreed ? held : before, notice: agreed ? "" : problem });
    this.#applySilence();
    return agreed;
  }

  async #renegotiate(options: RTCOfferOptions): Promise<boolean> {
    if (this.#session === undefined || this.view.value.state !== "talking" || !this.view.value.connected) return false;
    return (await renegotiate(this.#session, options)) === "agreed";
  }

  #heldByPeer(originator: string, heldByPeer: boolean): void {
    if (originator !== "remote") return;
    this.view.patch({ heldByPeer });
    // JsSIP has just turned the tracks on or off by its own lights.
    this.#applySilence();
  }

  #applySilence(): void {
    const { muted, held, heldByPeer } = this.view.value;
    this.media.silence(muted || held || heldByPeer);
  }

  async #chooseSpeaker(): Promise<void> {
    if (!("setSinkId" in this.#audio)) return;
    await this.#audio.setSinkId(this.#options.devices.present("speaker")).catch(() => undefined);
  }

  #step(event: CallEvent): void {
    this.view.patch({ state: next(this.view.value.state, event) });
  }

  #end(how: { status_code?: number; reason_phrase?: string }): void {
    if (this.#session === undefined) this.#finish(over("Canceled", "local", false));
    else if (!this.#session.isEnded()) this.#session.terminate(how);
  }

  #hangUp(cause: string): void {
    if (this.#session !== undefined && !this.#session.isEnded()) this.#session.terminate({ cause });
  }

  #finish(outcome: Outcome): void {
    if (this.over) return;
    this.#monitor.stop();
    this.#recovery.close();
    this.media.close();
    this.#audio.pause();
    this.#audio.srcObject = null;
    this.remote.set(undefined);
    for (const end of this.#unsubscribe) end();
    this.view.patch({ outcome, busy: false, notice: "", recovering: false, remotePicture: false });
    this.#step("over");
  }
}

/** JsSIP ends a call as soon as ICE has failed. A restart may still save it: whether and when to give up is ours. */
function keepWhenIceFails(session: SipSession): void {
  const terminate = session.terminate.bind(session);
  session.terminate = (options) => {
    if (options?.cause !== "RTP Timeout") terminate(options);
  };
}

function outcome(event: Ended, established: boolean): Outcome {
  const { message, cause } = event;
  if (!established && message !== null && "status_code" in message) return refused(message.status_code);
  if (message !== null && !("status_code" in message) && /cause=200\b/.test(message.getHeader("Reason") ?? "")) {
    return { text: "Answered elsewhere", failed: false };
  }
  return over(cause, event.originator, established);
}
