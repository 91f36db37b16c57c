/**
 * TSGI inside a worker: a request becomes an environ, and `tsgi/handler.ts` calls the application.
 *
 * Law: knows environ, input and responses; not rings or sockets, and no other part of the worker.
 */
import type { WorkerHandle } from '../../hooks.ts';
import { Flag } from '../../http/head-flags.ts';
import type { RequestReader } from '../../ring/message.ts';
import { callApplication } from '../../tsgi/handler.ts';
import { completeBody, emptyInput, Input } from '../../tsgi/input.ts';
import type { Application, Environ, ErrorStream } from '../../tsgi/types.ts';
import type { AnsweredRequest } from '../exchange/answers.ts';
import { buildEnviron, type EnvironContext } from './make-environ.ts';
import type { InboundBody } from '../exchange/inbound.ts';
import { type Interface, planOf } from '../exchange/interface-api.ts';
import type { WorkerLoop } from '../exchange/loop.ts';
import { TsgiResponse } from './response.ts';
import { Running, type RunningOwner } from '../exchange/running.ts';

export interface TsgiOptions {
  readonly application: Application;
  readonly context: EnvironContext;
  readonly errors: ErrorStream;
  /** Milliseconds that a handler may take. 0 disables the limit. */
  readonly handlerTimeout: number;
  /** The value of `tsgi_threads.worker` in every environ. */
  readonly worker: WorkerHandle;
}

export class TsgiInterface implements Interface {
  readonly #loop: WorkerLoop;
  readonly #options: TsgiOptions;

  constructor(loop: WorkerLoop, options: TsgiOptions) {
    this.#loop = loop;
    this.#options = options;
  }

  begin(request: RequestReader, body: InboundBody | null): Running {
    const { application, context, errors, handlerTimeout, worker } = this.#options;
    const response = new TsgiResponse(
      this.#loop,
      request.exchange,
      request.generation,
      planOf(request.flags),
    );
    response.body = body;
    response.expects = (request.flags & Flag.EXPECT_CONTINUE) !== 0;
    const running = new TsgiRunning(response, body, application);
    response.request = running;
    const deadline = handlerTimeout > 0 ? running.startedAt + handlerTimeout : undefined;
    let input = emptyInput;
    if (body !== null) input = new Input(body);
    else if (request.bodyLength > 0) input = new Input(completeBody(request.body()));
    running.environ = buildEnviron(request, context, { input, errors, exchange: running, deadline, worker });
    return running;
  }
}

class TsgiRunning extends Running implements AnsweredRequest {
  environ!: Environ;
  readonly #response: TsgiResponse;
  readonly #application: Application;

  constructor(response: TsgiResponse, body: InboundBody | null, application: Application) {
    super(response, body);
    this.#response = response;
    this.#application = application;
  }

  get method(): string {
    return this.environ.REQUEST_METHOD;
  }

  get url(): string {
    return this.environ.REQUEST_URI;
  }

  field(name: string): string | undefined {
    return this.environ[`HTTP_${name.toUpperCase().replaceAll('-', '_')}`] as string | undefined;
  }

  get label() {
    const { environ } = this;
    return {
      method: environ.REQUEST_METHOD,
      target: environ.REQUEST_URI,
      id: environ['tsgi.request_id'],
    };
  }

  protected override call(owner: RunningOwner): void {
    let pending: Promise<void> | undefined;
    try {
      pending = callApplication(this.#application, this.environ, this.#response);
    } catch (error) {
      return owner.runningOnFailed(this, error);
    }
    if (pending === undefined) owner.runningOnDone(this);
    else
      pending.then(
        () => owner.runningOnDone(this),
        (error) => owner.runningOnFailed(this, error),
      );
  }
}
