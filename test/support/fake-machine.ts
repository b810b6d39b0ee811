import type { CommandResult, Machine } from '../../src/systemd/machine.ts';

/** A machine in memory whose `systemctl` does what the real one would, as far as installing goes. */
export class FakeMachine implements Machine {
  readonly isLinux = true;
  readonly isBooted = true;
  readonly isSuperuser = true;
  readonly files = new Map<string, string>();
  readonly modes = new Map<string, number>();
  /** What changed something; questions are not noted. */
  readonly commands: string[] = [];
  /** What `systemctl show` says, by unit. */
  readonly properties = new Map<string, Record<string, string>>();
  /** This command fails once. */
  failNext: string | undefined;
  #hasAccount = false;

  hasProgram(_name: string): boolean {
    return true;
  }

  isOpenToAll(_path: string): boolean {
    return true;
  }

  read(path: string): string | undefined {
    return this.files.get(path);
  }

  async write(path: string, content: string, mode: number): Promise<void> {
    this.files.set(path, content);
    this.modes.set(path, mode);
  }

  remove(path: string): void {
    this.files.delete(path);
  }

  async run(command: string, args: readonly string[]): Promise<CommandResult> {
    const line = [command, ...args].join(' ');
    const answer = (code: number, stdout = '') => ({ code, stdout, stderr: code === 0 ? '' : 'it failed' });
    if (command === 'id') return answer(this.#hasAccount ? 0 : 1);
    if (args[0] === 'show') return answer(0, this.#show(args[1]!));
    this.commands.push(line);
    if (this.failNext === line) {
      this.failNext = undefined;
      return answer(1);
    }
    if (command === 'systemd-sysusers') this.#hasAccount = true;
    const unit = args.at(-1)!;
    if (args[0] === 'enable') this.#set(unit, { UnitFileState: 'enabled' });
    if (args[0] === 'start') this.#set(unit, { ActiveState: 'active' });
    if (args[0] === 'disable') this.#set(unit, { UnitFileState: 'disabled', ActiveState: 'inactive' });
    return answer(0);
  }

  #set(unit: string, changes: Record<string, string>): void {
    this.properties.set(unit, { ...this.properties.get(unit), ...changes });
  }

  #show(unit: string): string {
    const found = Object.entries(this.properties.get(unit) ?? {});
    return found.map(([name, value]) => `${name}=${value}`).join('\n');
  }
}
