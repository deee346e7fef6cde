/** What of JsSIP's sessions is used beside what its typings tell. */

import type { Originator, RTCSession } from "jssip/lib/RTCSession";
import type { IncomingRequest, IncomingResponse } from "jssip/lib/SIPMessage";

/** What comes of a request inside a dialog. */
export interface Replies {
  onSuccessResponse(response: IncomingResponse): void;
  onErrorResponse(response: IncomingResponse): void;
  onTransportError(): void;
  onRequestTimeout(): void;
  onDialogError(): void;
}

export interface SipSession extends RTCSession {
  sendRequest(
    method: "INVITE" | "ACK" | "INFO",
    options?: { extraHeaders?: string[]; body?: string; eventHandlers?: Replies },
  ): void;
}

export interface Ended {
  readonly originator: Originator;
  readonly message: IncomingRequest | IncomingResponse | null;
  readonly cause: string;
}

/** Of a REFER: how the NOTIFYs say that it goes (RFC 3515). */
export interface ReferProgress {
  readonly status_line?: { readonly status_code: number; readonly reason_phrase: string };
}
