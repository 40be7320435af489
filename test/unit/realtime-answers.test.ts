// Answers of a live model: their sound, however it was cut.
import { expect, it } from 'vitest';
import { RealtimeAnswers } from '../../src/agent/realtime-answers.ts';
import { pcm16 } from '../../src/media/wav-file.ts';

it('the sound of an answer is the same where its pieces end inside a sample', () => {
  const samples = Float32Array.from({ length: 400 }, (_, i) => 0.5 * Math.sin(i / 9));
  const bytes = pcm16(samples);
  for (const size of [bytes.length, 1, 3, 101]) {
    const heard: number[] = [];
    const answers = new RealtimeAnswers({ sound: (_, part) => void heard.push(...part), answerEnded: () => {} });
    for (let at = 0; at < bytes.length; at += size)
      answers.sound('a', { delta: bytes.subarray(at, at + size).toString('base64') }, 'r');
    expect(heard).toHaveLength(400);
    expect(Math.max(...heard.map((sample, i) => Math.abs(sample - samples[i]!)))).toBeLessThan(0.001);
    expect(answers.interrupt('a', 5)).toMatchObject({ heardMs: 5 });
  }
});
