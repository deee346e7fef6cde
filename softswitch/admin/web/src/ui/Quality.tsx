import { bars } from "../call/quality.ts";

const WORDS = ["Measuring the connection", "Poor connection", "Weak connection", "Good connection", "Excellent connection"];

/** Four bars and a score: how the connection has been in the last 15 seconds. */
export function Quality({ score }: { score: number | undefined }) {
  const count = bars(score);
  const text = `${WORDS[count]}${score === undefined ? "" : `, MOS ${score.toFixed(1)}`}`;
  return (
    <span class={`quality q${count}`} role="img" aria-label={text} title={text}>
      {[1, 2, 3, 4].map((bar) => (
        <i key={bar} class={bar <= count ? "on" : ""} />
      ))}
      <b aria-hidden="true">{score === undefined ? "–" : score.toFixed(1)}</b>
    </span>
  );
}
