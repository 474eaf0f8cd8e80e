import { InfrastructureError } from '../../errors.js';
import type { BootFacts } from './boot-facts.js';
import { bootStory } from './story-text.js';
import { bootVerdict } from './verdict.js';

/** Lines of the console in the artifact. */
const wholeTail = 50;

/**
 * A machine did not become ready. The message is the whole story; `cause` is the error that ended the wait (a NotReadyError, mostly).
 */
export class BootFailure extends InfrastructureError {
  override readonly name = 'BootFailure';
  readonly facts: BootFacts;
  /** One line that names the cause: `guest panicked: …`. */
  readonly verdict: string;

  constructor(facts: BootFacts, options: ErrorOptions) {
    const verdict = bootVerdict(facts);
    super(bootStory(facts, verdict), options);
    this.facts = facts;
    this.verdict = verdict;
  }

  /** The story with all console lines and the registers, for a file. */
  get story(): string {
    const { registers } = this.facts;
    return [
      bootStory(this.facts, this.verdict, wholeTail),
      '',
      'info registers -a:',
      'value' in registers ? registers.value : `  ${registers.unknown}`,
    ].join('\n');
  }
}
