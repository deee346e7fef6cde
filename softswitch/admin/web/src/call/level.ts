/** How loud a track is, for the bar beside the microphone. */

const QUIETEST_DB = -60;

/** 0 (silence) to 1 (full scale) of an RMS of samples between -1 and 1; even steps of loudness are even steps here. */
export function loudness(rms: number): number {
  if (rms <= 0) return 0;
  const decibels = 20 * Math.log10(rms);
  return Math.min(1, Math.max(0, 1 - decibels / QUIETEST_DB));
}

/** Calls `report` with the loudness about 20 times a second; returns the function that ends that. */
export function meter(track: MediaStreamTrack, report: (level: number) => void): () => void {
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 1024 });
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  void context.resume().catch(() => undefined);
  const samples = new Float32Array(analyser.fftSize);
  let shown = 0;
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    let sum = 0;
    for (const sample of samples) sum += sample * sample;
    // Up at once, down slowly: as a meter does.
    shown = Math.max(loudness(Math.sqrt(sum / samples.length)), shown - 0.06);
    report(shown);
  }, 50);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}
