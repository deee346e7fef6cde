/**
 * A new offer inside a call: hold, camera, ICE restart.
 *
 * JsSIP ends the call when such an offer is refused. Here a refusal changes nothing: the offer is rolled back (RFC 3264
 * 8: the session stays as it was), and who asked for the change is told.
 */

import { gathered } from "./gathering.ts";
import type { SipSession } from "./sip.ts";

export type Renegotiated = "agreed" | "refused" | "unreachable";

export async function renegotiate(session: SipSession, options: RTCOfferOptions = {}): Promise<Renegotiated> {
  const { connection } = session;
  const pending = () => connection.signalingState === "have-local-offer";
  if (!session.isReadyToReOffer() || connection.signalingState !== "stable") return "refused";
  await connection.setLocalDescription(await connection.createOffer(options));
  await gathered(connection);
  // An offer of the far end may have come meanwhile: it goes first, ours was rolled back by it.
  if (!pending() || connection.localDescription === null) return "refused";
  const answer = await invite(session, connection.localDescription.sdp);
  if (!pending()) return "refused";
  if (answer.sdp !== undefined) {
    try {
      await connection.setRemoteDescription({ type: "answer", sdp: answer.sdp });
      return "agreed";
    } catch (error) {
      console.warn("the answer could not be used:", error);
    }
  }
  if (!session.isEnded()) await connection.setLocalDescription({ type: "rollback" });
  return answer.reached ? "refused" : "unreachable";
}

function invite(session: SipSession, sdp: string): Promise<{ reached: boolean; sdp?: string }> {
  return new Promise((resolve) => {
    session.sendRequest("INVITE", {
      extraHeaders: [`Contact: ${session.contact}`, "Content-Type: application/sdp"],
      body: sdp,
      eventHandlers: {
        onSuccessResponse: (response) => {
          session.sendRequest("ACK");
          resolve({ reached: true, ...(response.body ? { sdp: response.body } : {}) });
        },
        onErrorResponse: () => resolve({ reached: true }),
        onTransportError: () => resolve({ reached: false }),
        onRequestTimeout: () => resolve({ reached: false }),
        onDialogError: () => {
          resolve({ reached: true });
          // 481: the server does not know this call any more (RFC 3261 12.2.1.2).
          if (!session.isEnded()) session.terminate({ cause: "Dialog Error" });
        },
      },
    });
  });
}
