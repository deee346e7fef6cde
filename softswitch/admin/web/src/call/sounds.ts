/** What the page itself plays, on the chosen speaker: ringing, ringback, five seconds of music. All of it is computed. */

interface Note {
  /** Hz. */
  readonly pitch: number;
  /** Seconds from the beginning. */
  readonly at: number;
  readonly lasts: number;
}

/** C major, A minor, F major, G major in broken chords, and home: 5 s. */
export const MUSIC: readonly Note[] = (() => {
  const chords = [
    [261.63, 329.63, 392.0, 523.25],
    [220.0, 261.63, 329.63, 440.0],
    [174.61, 220.0, 261.63, 349.23],
    [196.0, 246.94, 293.66, 392.0],
  ];
  const notes = chords.flatMap((chord, bar) =>
    chord.flatMap((pitch, beat) => [
      { pitch, at: bar * 1.1 + beat * 0.275, lasts: 0.7 },
      { pitch: pitch * 2, at: bar * 1.1 + beat * 0.275 + 0.1375, lasts: 0.4 },
    ]),
  );
  return [...notes, ...[261.63, 329.63, 392.0, 523.25].map((pitch) => ({ pitch, at: 4.4, lasts: 0.6 }))];
})();

export const MUSIC_SECONDS = 5;

/** Two warm pairs of notes every 3 s. */
const RING: readonly Note[] = [0, 0.45].flatMap((at) => [
  { pitch: 587.33, at, lasts: 0.4 },
  { pitch: 783.99, at: at + 0.12, lasts: 0.5 },
]);
const RING_SECONDS = 3;

/** The European ringback tone (ITU-T E.180): 425 Hz, 1 s in every 5. */
const RINGBACK: readonly Note[] = [{ pitch: 425, at: 0, lasts: 1 }];
const RINGBACK_SECONDS = 5;

/** Plays notes until told to stop. */
export class Sounds {
  #context: AudioContext | undefined;
  #output: { element: HTMLAudioElement; node: MediaStreamAudioDestinationNode } | undefined;
  #stop: (() => void) | undefined;

  /** Resolves when the five seconds are over, or stopped. */
  async music(speaker: string): Promise<void> {
    await new Promise<void>((resolve) => {
      void this.#play(MUSIC, { speaker, volume: 0.16, wave: "triangle", onStop: resolve, ends: MUSIC_SECONDS });
    });
  }

  ring(speaker: string): void {
    void this.#play(RING, { speaker, volume: 0.3, wave: "triangle", every: RING_SECONDS });
  }

  ringback(speaker: string): void {
    void this.#play(RINGBACK, { speaker, volume: 0.12, wave: "sine", every: RINGBACK_SECONDS });
  }

  stop(): void {
    this.#stop?.();
  }

  async #play(
    notes: readonly Note[],
    how: { speaker: string; volume: number; wave: OscillatorType; every?: number; ends?: number; onStop?: () => void },
  ): Promise<void> {
    this.stop();
    const context = (this.#context ??= new AudioContext());
    const output = (this.#output ??= makeOutput(context));
    const gain = new GainNode(context, { gain: how.volume });
    gain.connect(output.node);
    const timers: ReturnType<typeof setInterval>[] = [];
    this.#stop = () => {
      this.#stop = undefined;
      for (const timer of timers) clearInterval(timer);
      gain.disconnect();
      output.element.pause();
      how.onStop?.();
    };
    const stop = this.#stop;
    const once = () => {
      for (const note of notes) sound(context, gain, note, how.wave);
    };
    if (how.every !== undefined) timers.push(setInterval(once, how.every * 1000));
    if (how.ends !== undefined) timers.push(setTimeout(() => stop(), how.ends * 1000));
    // Without a gesture of the user the browser keeps the page silent; the picture says it all then.
    await context.resume().catch(() => undefined);
    if (how.speaker !== "" && "setSinkId" in output.element) {
      await output.element.setSinkId(how.speaker).catch(() => undefined);
    }
    await output.element.play().catch(() => undefined);
    if (this.#stop === stop) once();
    else output.element.pause();
  }
}

/** By way of an element, because every browser lets elements choose their speaker. */
function makeOutput(context: AudioContext): { element: HTMLAudioElement; node: MediaStreamAudioDestinationNode } {
  const node = context.createMediaStreamDestination();
  const element = new Audio();
  element.srcObject = node.stream;
  return { element, node };
}

function sound(context: AudioContext, into: AudioNode, note: Note, wave: OscillatorType): void {
  const begin = context.currentTime + 0.02 + note.at;
  const envelope = new GainNode(context, { gain: 0 });
  envelope.gain.setValueAtTime(0, begin);
  envelope.gain.linearRampToValueAtTime(1, begin + 0.015);
  envelope.gain.setValueAtTime(1, begin + note.lasts * 0.4);
  envelope.gain.exponentialRampToValueAtTime(0.001, begin + note.lasts);
  const oscillator = new OscillatorNode(context, { type: wave, frequency: note.pitch });
  oscillator.connect(envelope).connect(into);
  oscillator.start(begin);
  oscillator.stop(begin + note.lasts);
}
