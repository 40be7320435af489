/** Worker thread in which networks compute for an `InferenceThread`. It ends when told to: a thread must not be ended while a network runs in it. */
import {
  loadBestModel,
  type ModelChoice,
  type ModelChoiceOptions,
  type Provider,
  type SelfCheck,
  type TensorInput,
  type TensorValue,
} from '../inference.ts';
import { answerInOrder } from '../media/worker-replies.ts';

export type InferenceRequest =
  | { kind: 'load'; name: string; check: SelfCheck; options: ModelChoiceOptions }
  | { kind: 'run'; name: string; inputs: Record<string, TensorInput> };

export interface InferenceReply {
  /** Of a network that this thread has not loaded there are none. */
  outputs?: Record<string, TensorValue>;
  provider?: Provider;
  notes: string[];
}

const loaded = new Map<string, ModelChoice>();

answerInOrder<InferenceRequest, InferenceReply>(async (request) => {
  if (request.kind === 'load') {
    const choice = await loadBestModel(request.name, request.check, request.options);
    loaded.set(request.name, choice);
    return { provider: choice.model.provider, notes: choice.notes };
  }
  const choice = loaded.get(request.name);
  if (!choice) return { notes: [] };
  const outputs = await choice.model.run(request.inputs);
  return { outputs, provider: choice.model.provider, notes: choice.notes };
});
