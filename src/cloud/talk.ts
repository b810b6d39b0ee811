/** How a command speaks with whoever called it. */
export interface Talk {
  /** A line that stays. */
  say(line: string): void;
  /** Whether to go on; false ends the command without a change. */
  confirm(question: string): Promise<boolean>;
}
