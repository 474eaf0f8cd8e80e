/** A line of modules.dep: a module's file and those that it needs, relative to the modules' folder. */
export interface ModuleFile {
  readonly path: string;
  readonly needs: readonly string[];
}

/** Reads a modules.dep, as depmod writes it. */
export function parseModulesDep(text: string): ModuleFile[] {
  return [...text.matchAll(/^([^:\n]+):(.*)$/gm)].map(([, path = '', needs = '']) => ({
    path,
    needs: needs.split(' ').filter((each) => each !== ''),
  }));
}

/** A module's name as /proc/modules writes it. */
export function moduleName(file: string): string {
  return file
    .replace(/^.*\//, '')
    .replace(/\.ko(\.\w+)?$/, '')
    .replaceAll('-', '_');
}

/** The modules of these names, and all that they need; names that no module has are left out. */
export function selectModules(all: readonly ModuleFile[], names: readonly string[]): ModuleFile[] {
  const wanted = new Set(names.map(moduleName));
  const named = all.filter(({ path }) => wanted.has(moduleName(path)));
  const paths = new Set(named.flatMap(({ path, needs }) => [path, ...needs]));
  return all.filter(({ path }) => paths.has(path));
}
