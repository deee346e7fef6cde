/**
 * When a description has candidates enough to be sent.
 *
 * The server is reachable, learns where our checks come from (RFC 8445 7.3.1.3), and goes by these: so the first
 * candidate is all that it needs. Waiting for STUN and TURN servers that may never answer would delay every call.
 */

const AFTER_FIRST_CANDIDATE_MS = 50;

/** JsSIP's `icecandidate` event: `ready` sends the description. */
export function sendSoon(event: { ready: () => void }): void {
  setTimeout(event.ready, AFTER_FIRST_CANDIDATE_MS);
}

/** Resolves when `connection` has gathered enough for the description it was just given. */
export async function gathered(connection: RTCPeerConnection): Promise<void> {
  if (connection.iceGatheringState === "complete") return;
  await new Promise<void>((resolve) => {
    connection.addEventListener("icegatheringstatechange", () => {
      if (connection.iceGatheringState === "complete") resolve();
    });
    connection.addEventListener("icecandidate", (event) => {
      if (event.candidate === null) resolve();
      else setTimeout(resolve, AFTER_FIRST_CANDIDATE_MS);
    });
  });
}
