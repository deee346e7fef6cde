import { useEffect, useRef } from "preact/hooks";

/** A picture without sound: what is heard is played by the call itself, on the chosen speaker. */
export function Video({
  stream,
  label,
  mirrored = false,
}: {
  stream: MediaStream | undefined;
  label: string;
  mirrored?: boolean;
}) {
  const element = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (element.current === null) return;
    element.current.srcObject = stream ?? null;
    if (stream !== undefined) void element.current.play().catch(() => undefined);
  }, [stream]);
  return <video ref={element} class={mirrored ? "mirrored" : ""} muted autoPlay playsInline aria-label={label} />;
}
