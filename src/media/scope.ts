/**
 * Scope: who creates, disposes. Holds resources and disposes them in reverse order, every one of them, also when one fails.
 * (Node 20 has the symbols but not `AsyncDisposableStack`.)
 */
export class Scope implements AsyncDisposable {
  private resources: (AsyncDisposable | Disposable)[] = [];

  use<T extends AsyncDisposable | Disposable>(resource: T): T {
    this.resources.push(resource);
    return resource;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const resources = this.resources.reverse();
    this.resources = [];
    const failures: unknown[] = [];
    for (const resource of resources) {
      try {
        if (Symbol.asyncDispose in resource) await resource[Symbol.asyncDispose]();
        else resource[Symbol.dispose]();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'disposing failed');
  }
}
