/** `POST /v1/events`. Answers 202 when every accepted event is durable, 422 when none was acceptable. */
import { Controller, Inject, Post, Req, Res } from '@nestjs/common';
import { invariant } from '@meridian/accounting';
import { Access, callerOf, HttpError, token, type FastifyReply, type FastifyRequest } from '@meridian/http';
import { SPANS, type Telemetry } from '@meridian/telemetry';
import { EVENT_TYPES } from './bodies';
import type { EventBody, Intake } from './intake';

export const INTAKE = token<Intake>('intake');
export const TELEMETRY = token<Telemetry>('telemetry');
export const REGION = token<string>('region');

@Controller('v1/events')
export class EventsController {
  constructor(
    @Inject(INTAKE.symbol) private readonly intake: Intake,
    @Inject(TELEMETRY.symbol) private readonly telemetry: Telemetry,
    @Inject(REGION.symbol) private readonly region: string,
  ) {}

  @Post()
  @Access(['ingest', 'void'])
  async post(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { admitted, headers } = request;
    invariant(admitted, 'a request with events was not admitted');
    const sender = { tenant: admitted.tenant, scopes: callerOf(request).scopes };
    const answer = await this.telemetry.inRequestSpan({ name: SPANS.accept, region: this.region, headers }, (carried) => this.intake.take(takeBody(request), sender, carried));
    await reply.code(answer.accepted > 0 ? 202 : 422).send(answer);
  }
}

/** Leaves none with the request, which lives until it is answered. */
function takeBody(request: FastifyRequest): EventBody {
  const { body } = request;
  request.body = undefined;
  if (body === undefined || body === null) throw new HttpError('body_missing', `there is no body: send events as ${EVENT_TYPES}`);
  return body as EventBody;
}
