import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { expect, test } from '@playwright/test';

const script = path.resolve(import.meta.dirname, '../../../images/small-kernel/build.sh');

/** As much of a kernel tree as the script sees: what "compiles" is a copy. A file that says `error` does not. */
const makefile = `
kernelversion:
	@echo 6.1.0
mrproper:
	@:
allnoconfig:
	@sed -e '/GONE/d' -e 's/^CONFIG_CHANGED=.*/CONFIG_CHANGED=m/' $(KCONFIG_ALLCONFIG) > $(O)/.config
bzImage:
	@for n in $$(seq 250); do echo "  CC      file$$n.o"; done
	@! grep -n 'error:' source.c
	@mkdir -p $(O)/arch/x86/boot
	@cp source.c $(O)/arch/x86/boot/bzImage
	@cp source.c $(O)/vmlinux
	@cp source.c $(O)/System.map
modules:
	@mkdir -p $(O)/drivers/deep $(O)/include/generated $(O)/arch/x86/include $(O)/scripts
	@touch $(O)/drivers/deep/one.ko $(O)/two.ko $(O)/Module.symvers $(O)/include/generated/autoconf.h $(O)/scripts/tool.o
`;

const patch = `--- a/source.c
+++ b/source.c
@@ -1,3 +1,3 @@
 one
-two
+TWO
 three
`;

interface Build {
  readonly out: string;
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function build(inputs: {
  readonly source?: string;
  readonly patch?: string;
  readonly modules?: boolean;
  readonly fragments: readonly string[];
}): Promise<Build> {
  const folder = test.info().outputPath('a folder');
  const tree = path.join(folder, 'tree');
  const out = path.join(folder, 'out');
  await mkdir(tree, { recursive: true });
  await mkdir(out);
  await writeFile(path.join(tree, 'Kbuild'), '');
  await writeFile(path.join(tree, 'Makefile'), makefile);
  await writeFile(path.join(tree, 'source.c'), inputs.source ?? 'one\ntwo\nthree\n');
  for (const name of [
    'include/linux/module.h',
    'arch/x86/Makefile',
    'arch/x86/entry.S',
    'scripts/Makefile.build',
  ]) {
    await mkdir(path.join(tree, path.dirname(name)), { recursive: true });
    await writeFile(path.join(tree, name), '');
  }
  await writeFile(path.join(tree, 'Kconfig'), '');
  const args = ['-s', tree, '-o', out, ...(inputs.modules ? ['-m'] : [])];
  if (inputs.patch !== undefined) {
    await writeFile(path.join(folder, 'a.patch'), inputs.patch);
    args.push('-p', path.join(folder, 'a.patch'));
  }
  for (const [index, fragment] of inputs.fragments.entries()) {
    const file = path.join(folder, `${index}.config`);
    await writeFile(file, fragment);
    args.push(file);
  }
  return await new Promise((resolve) => {
    execFile(script, args, (error, stdout, stderr) => {
      resolve({ out, exitCode: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

const good = ['# A comment\nCONFIG_A=y\nCONFIG_B=y\n', 'CONFIG_B="text"\n'];

test('without patches there is one kernel, with its configuration', async () => {
  const { out, exitCode, stderr } = await build({ fragments: good });
  expect(exitCode, stderr).toBe(0);
  expect(await readdir(out)).toEqual(['stock']);
  expect((await readdir(path.join(out, 'stock'))).sort()).toEqual([
    'System.map',
    'bzImage',
    'config',
    'vmlinux',
  ]);
  expect(await readFile(path.join(out, 'stock/config'), 'utf8')).toContain('CONFIG_A=y\n');
});

test('with patches there are two kernels, of which one is the source as it is', async () => {
  const { out, exitCode, stdout, stderr } = await build({ fragments: good, patch });
  expect(exitCode, stderr).toBe(0);
  expect(await readFile(path.join(out, 'stock/bzImage'), 'utf8')).toBe('one\ntwo\nthree\n');
  expect(await readFile(path.join(out, 'patched/bzImage'), 'utf8')).toBe('one\nTWO\nthree\n');
  expect(stdout, 'progress').toContain('200 files compiled');
});

test('with -m each kernel has its modules in one folder, and what others are built with', async () => {
  const { out, exitCode, stderr } = await build({ fragments: good, patch, modules: true });
  expect(exitCode, stderr).toBe(0);
  for (const kernel of ['stock', 'patched']) {
    const folder = path.join(out, kernel);
    expect((await readdir(path.join(folder, 'modules'))).sort()).toEqual(['one.ko', 'two.ko']);
    const list = await promisify(execFile)('tar', ['-tf', path.join(folder, 'headers.tar')]);
    const files = list.stdout.split('\n').filter((name) => !/(^|\/)$/.test(name));
    expect(files.sort()).toEqual([
      'build/.config',
      'build/Makefile',
      'build/Module.symvers',
      'build/include/generated/autoconf.h',
      'source/Kconfig',
      'source/Makefile',
      'source/arch/x86/Makefile',
      'source/include/linux/module.h',
      'source/scripts/Makefile.build',
    ]);
  }
});

test('an option that the kernel does not take over is named', async () => {
  const { out, exitCode, stderr } = await build({
    fragments: ['CONFIG_A=y\nCONFIG_GONE=y\nCONFIG_CHANGED=y\n'],
  });
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/did not come through.*: CONFIG_CHANGED=y CONFIG_GONE=y$/m);
  expect(await readdir(out)).toEqual([]);
});

test('a patch that does not apply is named', async () => {
  const { exitCode, stderr } = await build({ fragments: good, patch: patch.replace(' three', ' four') });
  expect(exitCode).toBe(1);
  expect(stderr).toContain('a.patch does not apply');
});

test("a kernel that does not compile shows the compiler's words", async () => {
  const { exitCode, stderr } = await build({ fragments: good, source: "source.c: error: 'x' undeclared\n" });
  expect(exitCode).toBe(1);
  expect(stderr).toContain("error: 'x' undeclared");
  expect(stderr).toContain('the kernel does not compile');
});
