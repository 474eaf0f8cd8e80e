/** `npm run image`: builds the reference guest if need be and says where it is. */
import { referenceImage } from '../fixtures/stacks/reference-image.js';
import { cacheFolder } from '../lib/host/cache-folder.js';
import { readCommandLine } from './command-line.js';

readCommandLine('usage: npm run image     builds the reference guest if need be and says where it is', {});

const image = await referenceImage(cacheFolder(process.env), (line) => {
  console.error(line);
});
console.log(image.folder);
