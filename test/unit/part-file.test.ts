// Where output goes: complete or not at all, through links, past devices and pipes, and in one sentence where it cannot.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync } from 'node:fs';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { devNull, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkFilmPath, createFilm } from '../../src/media/film.ts';
import { checkWritable, createPartFile, createPartFolder } from '../../src/media/part-file.ts';

let folder = '';
const at = (name: string) => join(folder, name);
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'visavis-part-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function put(path: string, text: string): Promise<void> {
  const part = await createPartFile(path);
  await writeFile(part.path, text);
  await part.commit();
}
const refusal = (why: RegExp) => ({ code: 'FILE_UNWRITABLE', message: expect.stringMatching(why) });

describe('a file', () => {
  it('appears when it is complete, and replaces the one of its name with its rights', async () => {
    await writeFile(at('film.mp4'), 'old');
    await chmod(at('film.mp4'), 0o600);
    const part = await createPartFile(at('film.mp4'));
    await writeFile(part.path, 'new');
    expect(await readFile(at('film.mp4'), 'utf8')).toBe('old');
    await part.commit();
    expect(await readFile(at('film.mp4'), 'utf8')).toBe('new');
    expect((await stat(at('film.mp4'))).mode & 0o777).toBe(0o600);
    await part.discard();
    expect(await readdir(folder)).toEqual(['film.mp4']);
  });

  it('that is given up leaves what was there', async () => {
    await writeFile(at('film.mp4'), 'old');
    const part = await createPartFile(at('film.mp4'));
    await writeFile(part.path, 'new');
    await part.discard();
    expect(await readdir(folder)).toEqual(['film.mp4']);
    expect(await readFile(at('film.mp4'), 'utf8')).toBe('old');
  });

  it('may have the longest name there is', async () => {
    const name = `${'ü'.repeat(125)}.mp4`;
    await put(at(name), 'film');
    expect(await readdir(folder)).toEqual([name]);
  });

  it('that is unfinished goes with a process that has no time left', async () => {
    const module = fileURLToPath(new URL('../../src/media/part-file.ts', import.meta.url));
    const script = `const { createPartFile, createPartFolder } = await import(${JSON.stringify(module)});
      const { writeFileSync } = await import('node:fs');
      writeFileSync((await createPartFile('a.mp4')).path, 'half'); await createPartFolder('b');
      setTimeout(() => { throw new Error('a bug') }, 1);`;
    const args = ['--import', 'tsx', '--input-type=module', '-e', script];
    const loader = fileURLToPath(new URL('../../node_modules/tsx/dist/loader.mjs', import.meta.url));
    args[1] = loader;
    const child = spawn(process.execPath, args, { cwd: folder, stdio: 'ignore' });
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(1);
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('a link', () => {
  it.each([
    ['to a file', async () => writeFile(at('big/film.mp4'), 'old')],
    ['that dangles', async () => {}],
  ])('%s is written through, over links to links', async (_what, prepare) => {
    await mkdir(at('big'));
    await prepare();
    await symlink('big/film.mp4', at('first.mp4'));
    await symlink(at('first.mp4'), at('out.mp4'));
    await put(at('out.mp4'), 'new');
    expect(await readFile(at('big/film.mp4'), 'utf8')).toBe('new');
    expect(await readlink(at('out.mp4'))).toBe(at('first.mp4'));
    expect(await readlink(at('first.mp4'))).toBe('big/film.mp4');
    expect(await readdir(at('big'))).toEqual(['film.mp4']);
  });

  it('to an empty folder is filled, and stays', async () => {
    await mkdir(at('empty'));
    await symlink('empty', at('out'));
    const part = await createPartFolder(at('out'));
    await writeFile(join(part.path, 'one.png'), '1');
    await part.commit();
    expect(await readdir(at('empty'))).toEqual(['one.png']);
    expect((await lstat(at('out'))).isSymbolicLink()).toBe(true);
  });

  it('that leads nowhere that can be written is refused', async () => {
    await symlink('out.mp4', at('self.mp4'));
    await symlink('self.mp4', at('out.mp4'));
    await expect(checkWritable(at('out.mp4'), 'file')).rejects.toMatchObject(
      refusal(/out\.mp4 .* leads back to itself/),
    );
    await symlink('gone/film.mp4', at('lost.mp4'));
    await expect(checkWritable(at('lost.mp4'), 'file')).rejects.toMatchObject(
      refusal(/lost\.mp4 cannot be written: the folder .*gone, to which the link leads, does not exist/),
    );
    await mkdir(at('full/x'), { recursive: true });
    await symlink('full', at('link'));
    await expect(checkWritable(at('link'), 'folder')).rejects.toMatchObject(refusal(/not empty/));
    await expect(checkWritable(at('link'), 'file')).rejects.toMatchObject(refusal(/a folder of that name/));
  });
});

describe.skipIf(process.platform === 'win32')('what is neither file nor folder', () => {
  it('nowhere: the film is made and thrown away', async () => {
    const picture = new Uint8Array(16 * 16 * 1.5);
    const film = await createFilm(devNull, { widthPx: 16, heightPx: 16, fps: 25, audio: null });
    await film.writePicture(picture);
    await film.finish();
    expect((await stat(devNull)).isCharacterDevice()).toBe(true);
    await checkFilmPath(devNull);
    await put(devNull, 'motion');
  });

  it('a pipe gets the finished file, more than it holds at once', async () => {
    execFileSync('mkfifo', [at('pipe.mp4')]);
    await expect(createPartFile(at('pipe.mp4'))).rejects.toMatchObject(refusal(/nobody reads from this pipe/));
    const reader = spawn('sh', ['-c', 'cat pipe.mp4 | (sleep 0.2; wc -c)'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const isDone = once(reader, 'close');
    let said = '';
    reader.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    await expect.poll(() => checkedPut(at('pipe.mp4'), 'x'.repeat(300_000)), { timeout: 10_000 }).toBe(true);
    await isDone;
    expect(said.trim()).toBe('300000');
    expect((await lstat(at('pipe.mp4'))).isFIFO()).toBe(true);
  });

  it('a pipe whose reader has gone, a full device: the write failed', async () => {
    execFileSync('mkfifo', [at('pipe.mp4')]);
    const reader = openSync(at('pipe.mp4'), constants.O_RDONLY | constants.O_NONBLOCK);
    const part = await createPartFile(at('pipe.mp4'));
    await writeFile(part.path, 'film');
    closeSync(reader);
    await expect(part.commit()).rejects.toMatchObject({ code: 'WRITE_FAILED' });
    if (process.platform === 'linux')
      await expect(put('/dev/full', 'x')).rejects.toMatchObject({ code: 'WRITE_FAILED' });
  });

  it('a device is no folder, and no film without an ending', async () => {
    await expect(createPartFolder(devNull)).rejects.toMatchObject(refusal(/not a folder but a device/));
    await expect(checkFilmPath('/dev/zero')).rejects.toMatchObject(refusal(/not a folder but a device/));
  });
});

describe('no place for output', () => {
  it.each([
    ['a folder of the name', 'x.mp4', /x\.mp4 cannot be written: a folder of that name exists/],
    ['a folder that is a file', 'file/x.mp4', /the folder .*file is a file/],
    ['a folder that is not there', 'no/x.mp4', /the folder .*no does not exist/],
  ])('%s', async (_what, name, why) => {
    await mkdir(at('x.mp4'));
    await writeFile(at('file'), '');
    await expect(checkWritable(at(name), 'file')).rejects.toMatchObject(refusal(why));
  });

  it.skipIf(process.getuid?.() === 0)('no right', async () => {
    await mkdir(at('locked'), { mode: 0o500 });
    await expect(checkWritable(at('locked/x.mp4'), 'file')).rejects.toMatchObject(refusal(/is not writable/));
    await writeFile(at('kept.mp4'), 'keep', { mode: 0o400 });
    await expect(checkWritable(at('kept.mp4'), 'file')).rejects.toMatchObject(refusal(/write-protected/));
  });
});

/** False while nobody reads. */
const checkedPut = (path: string, text: string): Promise<boolean> =>
  put(path, text).then(
    () => true,
    () => false,
  );
