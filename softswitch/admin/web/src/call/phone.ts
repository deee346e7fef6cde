/** A SIP user agent in a page: its connection, its registration, its calls. */

import { UA } from "jssip";
import type { IncomingRTCSessionEvent, RTCSessionEvent } from "jssip/lib/UA";

import { openSession, Refused, type Session } from "./api.ts";
import { Call, type CallOptions } from "./call.ts";
import type { Devices } from "./devices.ts";
import { dialable, shown } from "./number.ts";
import { Observable } from "./observable.ts";
import { Renewal } from "./renewal.ts";
import { Sounds } from "./sounds.ts";
import { Wire } from "./wire.ts";

export type Link =
  | "connecting" // never connected so far
  | "ready"
  | "reconnecting"
  | "refused" // the server does not accept this session: sign in again
  | "stopped";

export interface PhoneOptions {
  readonly session: Session;
  readonly devices: Devices;
  /** A guest only calls; a phone is called as well. */
  readonly register: boolean;
  /** Stands for this browser in registrations (RFC 5626): a page that is loaded again takes its own place. */
  readonly instance?: string;
  /** Gets a new token before the old one ends; without it that of a user is prolonged. */
  readonly renew?: (last: Session) => Promise<Session>;
}

const RECONNECT_MIN_SECONDS = 1;
const RECONNECT_MAX_SECONDS = 3;
/** The server's word for: another page is this phone now. Coming back would take it away from there again. */
const TAKEN_ELSEWHERE = 4001;
const REGISTER_AGAIN_MS = 5_000;

export class Phone {
  readonly link = new Observable<Link>("connecting");
  /** Those that go on, in the order they began: at most one, and one beside it to ask before a transfer. */
  readonly calls = new Observable<readonly Call[]>([]);
  readonly sounds = new Sounds();
  /** Told of each call that ended. */
  onEnded: (call: Call) => void = () => undefined;
  /** Told of each new token, for a page that keeps it. */
  onRenewed: (session: Session) => void = () => undefined;

  readonly #options: PhoneOptions;
  readonly #wire: Wire;
  readonly #agent: UA;
  readonly #renewal = new Renewal(() => this.#renew());
  readonly #online = (): void => {
    this.#wire.ask();
    this.#renewal.wake();
  };
  readonly #seen = (): void => {
    if (document.visibilityState === "visible") this.#renewal.wake();
  };
  #session: Session;
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** Whether the token in use was asked for because the registrar refused the one before. */
  #renewing = false;

  constructor(options: PhoneOptions) {
    this.#options = options;
    this.#session = options.session;
    this.#wire = new Wire(options.session.websocket);
    this.#agent = new UA({
      sockets: [this.#wire],
      uri: options.session.uri,
      authorization_jwt: `Bearer ${options.session.token}`,
      register: options.register,
      register_expires: 300,
      // The server refreshes sessions, and notices by ICE who is gone. A refresh of ours in a moment without a
      // connection would end the call.
      session_timers: false,
      connection_recovery_min_interval: RECONNECT_MIN_SECONDS,
      connection_recovery_max_interval: RECONNECT_MAX_SECONDS,
      user_agent: "softswitch-web",
      ...(options.session.display_name === "" ? {} : { display_name: options.session.display_name }),
      ...(options.instance === undefined ? {} : { instance_id: options.instance }),
    });
    this.#listen();
  }

  start(): void {
    this.#agent.start();
    this.#renewal.begin(this.#session.expires_in);
    window.addEventListener("online", this.#online);
    document.addEventListener("visibilitychange", this.#seen);
  }

  /** Ends all calls and the registration. */
  stop(): void {
    this.#renewal.stop();
    clearTimeout(this.#retry);
    window.removeEventListener("online", this.#online);
    document.removeEventListener("visibilitychange", this.#seen);
    this.sounds.stop();
    for (const call of this.calls.value) call.end();
    this.#agent.stop();
    this.link.set("stopped");
  }

  /** Calls `target`, a number, a user or a SIP address, shown as `name`. A second call is only made beside one that is held. */
  dial(target: string, withCamera = false, name?: string): Call | undefined {
    const address = dialable(target);
    if (address === "" || this.calls.value.some((call) => !call.view.value.held)) return undefined;
    const number = shown(address);
    const call = Call.out(this.#terms, { number: name ?? number, name: name ?? number }, withCamera, (placed, stream) =>
      this.#agent.call(address, { ...placed.terms(stream), eventHandlers: placed.early }),
    );
    this.#take(call);
    return call;
  }

  get #terms(): CallOptions {
    return { devices: this.#options.devices, iceServers: this.#session.ice_servers };
  }

  #listen(): void {
    const { register } = this.#options;
    this.#agent.on("connected", () => {
      if (!register) this.#reached();
    });
    this.#agent.on("registered", () => this.#reached());
    this.#agent.on("disconnected", ({ code }) => {
      if (code === TAKEN_ELSEWHERE) {
        this.stop();
        return;
      }
      for (const call of this.calls.value) call.signalling(false);
      if (this.link.value === "ready") this.link.set("reconnecting");
    });
    this.#agent.on("registrationFailed", ({ response }) => this.#unregistered(response?.status_code));
    this.#agent.on("newRTCSession", (event: RTCSessionEvent) => {
      if ((event.originator as string) === "remote") this.#offered(event as IncomingRTCSessionEvent);
    });
  }

  #reached(): void {
    this.#renewing = false;
    this.link.set("ready");
    for (const call of this.calls.value) call.signalling(true);
  }

  /** A token that is too old is renewed, once; whatever else it was may pass. */
  #unregistered(status: number | undefined): void {
    if (this.link.value === "ready") this.link.set("reconnecting");
    if (status === 401 || status === 403) {
      if (this.#renewing) this.link.set("refused");
      else void this.#renewal.now();
    } else {
      this.#retry = setTimeout(() => {
        if (this.#agent.isConnected() && !this.#agent.isRegistered()) this.#agent.register();
      }, REGISTER_AGAIN_MS);
    }
  }

  #offered(event: IncomingRTCSessionEvent): void {
    const call = Call.in(this.#terms, event.session, event.request.body ?? "");
    if (this.calls.value.length > 0) call.refuseBusy();
    else this.#take(call);
  }

  #take(call: Call): void {
    this.calls.set([...this.calls.value, call]);
    let state: string | undefined;
    const follow = () => {
      if (call.view.value.state === state) return;
      state = call.view.value.state;
      this.#sound(call);
      if (call.over) {
        this.calls.set(this.calls.value.filter((each) => each !== call));
        this.onEnded(call);
      }
    };
    call.view.subscribe(follow);
    follow();
  }

  #sound(call: Call): void {
    const speaker = this.#options.devices.present("speaker");
    if (call.view.value.state === "offered") this.sounds.ring(speaker);
    else if (call.view.value.state === "ringing") this.sounds.ringback(speaker);
    else this.sounds.stop();
  }

  /** Seconds the new token is good for; `undefined`: the session has ended. */
  async #renew(): Promise<number | undefined> {
    try {
      this.#session = await (this.#options.renew ?? openSession)(this.#session);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (this.link.value !== "stopped") this.link.set("refused");
      return undefined;
    }
    if (this.link.value === "stopped") return undefined;
    this.#agent.set("authorization_jwt", `Bearer ${this.#session.token}`);
    this.onRenewed(this.#session);
    if (this.#options.register && this.link.value !== "ready" && this.#agent.isConnected()) {
      this.#renewing = true;
      this.#agent.register();
    }
    return this.#session.expires_in;
  }
}
