/** debian-base.ts: has the engine make an image of Debian 12 with build tools, if it has none yet, and prints its name. */
import { readEnvironment } from '../../fixtures/environment.js';
import { inWorkshop } from '../../fixtures/stacks/in-workshop.js';
import { ensureBuilderImage } from '../../lib/image/docker/builder-image.js';
import { findEngine } from '../../lib/image/docker/engine.js';

const { cache, engines, imageBase: base } = readEnvironment(process.env);
const engine = await findEngine(engines());
const progress = (line: string): void => {
  console.error(line);
};
console.log(
  await inWorkshop('image', (workshop) => ensureBuilderImage({ engine, base, cache, workshop, progress })),
);
