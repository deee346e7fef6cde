/** How a call ended, in words for the person who was in it. */

export const MEDIA_PERMISSION_DENIED = "Permission to use camera and/or microphone denied.";

export interface Outcome {
  readonly text: string;
  /** Whether it is a failure that deserves to stay on the screen, not the normal end of a call. */
  readonly failed: boolean;
}

const BY_STATUS: Record<number, string> = {
  401: "Sign in again: the server no longer knows this session",
  403: "This call is not allowed",
  404: "There is no such number",
  408: "No answer",
  410: "There is no such number",
  480: "Not available now",
  484: "The number is incomplete",
  486: "Busy",
  487: "Cancelled",
  488: "The other side cannot take a call from this browser",
  500: "The server could not place the call",
  503: "All lines are busy. Try again in a moment",
  504: "No answer",
  600: "Busy",
  603: "Declined",
  604: "There is no such number",
};

/** Of a call that was never established, by the final status of its INVITE. */
export function refused(status: number): Outcome {
  return { text: BY_STATUS[status] ?? `The call failed (${status})`, failed: true };
}

/** Of any other end, by what JsSIP calls its cause and who ended it. */
export function over(cause: string, by: string, established: boolean): Outcome {
  switch (cause) {
    case "Terminated":
      return { text: by === "local" ? "You ended the call" : "The other side ended the call", failed: false };
    case "Canceled":
      return by === "local" ? { text: "Cancelled", failed: false } : { text: "Missed call", failed: true };
    case "Rejected":
      return { text: "Declined", failed: false };
    case "No Answer":
    case "Expires":
      return { text: "Missed call", failed: true };
    case "Connection Error":
    case "Request Timeout":
    case "RTP Timeout":
    case "Dialog Error":
      return { text: established ? "The connection was lost" : "The server cannot be reached", failed: true };
    case "User Denied Media Access":
      return { text: MEDIA_PERMISSION_DENIED, failed: true };
    case "Incompatible SDP":
    case "Missing SDP":
    case "Bad Media Description":
    case "WebRTC Error":
      return { text: "This browser and the server could not agree on media", failed: true };
    default:
      return { text: established ? "The call ended" : "The call failed", failed: !established };
  }
}

/** "4:07", "1:02:09". */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number) => String(value).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
