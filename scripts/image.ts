/** `npm run image`: builds the reference guest if need be and says where it is. */
import { cacheFolder } from '../lib/host/cache-folder.js';
import { ensureReferenceImage } from '../lib/image/reference-image.js';

const image = await ensureReferenceImage(cacheFolder(process.env), (line) => {
  console.error(line);
});
console.log(image.folder);
