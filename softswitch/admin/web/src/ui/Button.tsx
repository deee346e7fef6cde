import type { ComponentChildren } from "preact";

import { Icon, type IconName } from "./icons.tsx";

interface ButtonProps {
  readonly icon: IconName;
  readonly label: string;
  readonly onClick: () => void;
  /** For a switch: whether it is on. */
  readonly pressed?: boolean;
  readonly disabled?: boolean;
  readonly look?: "plain" | "go" | "stop";
  /** The key that does the same, as it is written on keyboards. */
  readonly shortcut?: string;
}

/** A round button with its label below: the options of a call. */
export function CallButton({ icon, label, onClick, pressed, disabled, look = "plain", shortcut }: ButtonProps) {
  return (
    <button
      type="button"
      class={`call-button ${look}`}
      onClick={onClick}
      disabled={disabled ?? false}
      aria-pressed={pressed}
      aria-keyshortcuts={shortcut}
      title={shortcut === undefined ? label : `${label} (${shortcut})`}
    >
      <span class="disc">
        <Icon name={icon} />
      </span>
      <span class="label">{label}</span>
    </button>
  );
}

/** A small square button that only shows its icon. */
export function IconButton({ icon, label, onClick }: { icon: IconName; label: string; onClick: () => void }) {
  return (
    <button type="button" class="icon-button" onClick={onClick} aria-label={label} title={label}>
      <Icon name={icon} />
    </button>
  );
}

export function TextButton({
  children,
  onClick,
  look = "quiet",
  type = "button",
  disabled = false,
}: {
  children: ComponentChildren;
  onClick?: () => void;
  look?: "quiet" | "strong";
  type?: "button" | "submit";
  disabled?: boolean;
}) {
  return (
    <button type={type} class={`text-button ${look}`} onClick={onClick} disabled={disabled}>
      {children}
    </button>
  );
}
