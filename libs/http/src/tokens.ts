/** Typed injection tokens: what is provided under a token is what is injected for it. */
import type { FactoryProvider } from '@nestjs/common';

export interface Token<T> {
  readonly symbol: symbol;
  /** Never set: carries the type. */
  readonly type?: T;
}

export function token<T>(name: string): Token<T> {
  return { symbol: Symbol(name) };
}

/** A provider made by `make`, which is called once. */
export function provide<T>({ symbol }: Token<T>, make: () => T): FactoryProvider<T> {
  return { provide: symbol, useFactory: make };
}
