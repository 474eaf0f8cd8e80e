/** `npm run image`: builds the reference guest if need be and says where it is. */
import { readEnvironment } from '../fixtures/environment.js';
import { referenceImage } from '../fixtures/stacks/reference-image.js';
import { readCommandLine } from './command-line.js';

readCommandLine('usage: npm run image     builds the reference guest if need be and says where it is', {});

const image = await referenceImage(readEnvironment(process.env), (line) => {
  console.error(line);
});
console.log(image.folder);
