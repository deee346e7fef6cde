/**
 * The WebSocket under SIP (RFC 7118), as JsSIP wants one.
 *
 * Its own because a connection can be dead without the browser saying so (a laptop woke up in another network): we ask
 * by CRLF (RFC 5626 4.4.1) and take silence for an answer, so that a call is found again in time.
 */

import type { Socket } from "jssip/lib/Socket";

const ASK_EVERY_MS = 10_000;
const ANSWER_WITHIN_MS = 5_000;
const CONNECT_WITHIN_MS = 5_000;

export class Wire implements Socket {
  readonly url: string;
  readonly sip_uri: string;
  via_transport: string;
  onconnect = (): void => undefined;
  ondisconnect = (_error: boolean, _code?: number, _reason?: string): void => undefined;
  ondata = <T>(_data: T): void => undefined;

  #socket: WebSocket | undefined;
  #asking: ReturnType<typeof setInterval> | undefined;
  #patience: ReturnType<typeof setTimeout> | undefined;

  /** `url` may be a path of the server that the page came from. */
  constructor(url: string) {
    const address = new URL(url, location.href);
    // http becomes ws, https becomes wss.
    address.protocol = address.protocol.replace(/^http/, "ws");
    this.url = address.href;
    this.via_transport = address.protocol === "wss:" ? "WSS" : "WS";
    this.sip_uri = `sip:${address.host};transport=ws`;
  }

  connect(): void {
    if (this.#socket !== undefined) return;
    const socket = new WebSocket(this.url, "sip");
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#expect(CONNECT_WITHIN_MS);
    socket.onopen = () => {
      this.#answered();
      this.#asking = setInterval(() => this.ask(), ASK_EVERY_MS);
      this.onconnect();
    };
    socket.onmessage = (message: MessageEvent<string | ArrayBuffer>) => {
      this.#answered();
      this.ondata(message.data);
    };
    socket.onclose = (close) => this.#lost(!close.wasClean, close.code, close.reason);
  }

  /** Makes sure that the connection still is one: something comes within 5 s, or it is given up. */
  ask(): void {
    if (!this.isConnected() || this.#patience !== undefined) return;
    this.#socket?.send("\r\n\r\n");
    this.#expect(ANSWER_WITHIN_MS);
  }

  disconnect(): void {
    this.#forget()?.close();
  }

  send(message: string | ArrayBufferLike | Blob | ArrayBufferView): boolean {
    if (!this.isConnected()) return false;
    this.#socket?.send(message as string);
    return true;
  }

  isConnected(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  isConnecting(): boolean {
    return this.#socket?.readyState === WebSocket.CONNECTING;
  }

  #expect(within: number): void {
    this.#patience = setTimeout(() => this.#lost(true, 1006, "no answer"), within);
  }

  #answered(): void {
    clearTimeout(this.#patience);
    this.#patience = undefined;
  }

  #lost(error: boolean, code: number, reason: string): void {
    this.#forget()?.close();
    this.ondisconnect(error, code, reason);
  }

  /** Lets go of the socket; what still comes of it is nobody's. */
  #forget(): WebSocket | undefined {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#answered();
    clearInterval(this.#asking);
    if (socket !== undefined) socket.onopen = socket.onmessage = socket.onclose = null;
    return socket;
  }
}
