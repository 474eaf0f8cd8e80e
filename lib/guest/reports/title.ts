import { oneLine } from '../../text/index.js';

/** `headline in function: remark`; safe to show and on one line. */
export function titleOf(headline: string, where: string | undefined, remark: string | undefined): string {
  const place = where === undefined || headline.includes(where) ? '' : ` in ${where}`;
  const said = remark === undefined ? '' : `: ${remark}`;
  return oneLine(`${headline}${place}${said}`, 300);
}
