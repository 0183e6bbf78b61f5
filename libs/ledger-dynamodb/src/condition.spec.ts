import { conditionOf } from './condition';

describe('a range as a key condition', () => {
  it('has the bounds that the range has', () => {
    expect(conditionOf('p', {})).toEqual({ KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: { ':pk': { S: 'p' } }, ScanIndexForward: true });
    expect(conditionOf('p', { from: 'a', descending: true })).toMatchObject({ KeyConditionExpression: 'pk = :pk AND sk >= :from', ScanIndexForward: false });
    expect(conditionOf('p', { to: 'b' })?.KeyConditionExpression).toBe('pk = :pk AND sk <= :to');
    expect(conditionOf('p', { from: 'a', to: 'b' })?.ExpressionAttributeValues).toEqual({ ':pk': { S: 'p' }, ':from': { S: 'a' }, ':to': { S: 'b' } });
  });

  it('starts after a key only within the range', () => {
    const start = (range: Parameters<typeof conditionOf>[1]): unknown => conditionOf('p', range)?.ExclusiveStartKey?.['sk'];
    expect(start({ from: 'b', to: 'd', after: 'c' })).toEqual({ S: 'c' });
    expect(start({ from: 'b', to: 'd', after: 'b' })).toEqual({ S: 'b' });
    expect(start({ from: 'b', to: 'd', after: 'a' })).toBeUndefined();
    expect(start({ from: 'b', to: 'd', after: 'd', descending: true })).toEqual({ S: 'd' });
    expect(start({ from: 'b', to: 'd', after: 'e', descending: true })).toBeUndefined();
  });

  it('is nothing where nothing can be', () => {
    expect(conditionOf('p', { from: 'b', to: 'a' })).toBeUndefined();
    expect(conditionOf('p', { to: 'b', after: 'b' })).toBeUndefined();
    expect(conditionOf('p', { from: 'b', after: 'b', descending: true })).toBeUndefined();
    expect(conditionOf('p', { after: '', descending: true })).toBeUndefined();
    expect(conditionOf('p', { to: '' })).toBeUndefined();
  });

  it('orders by UTF-8, not by UTF-16', () => {
    expect(conditionOf('p', { from: '\ue000', to: '😀' })).toBeDefined();
    expect(conditionOf('p', { from: '😀', to: '\ue000' })).toBeUndefined();
  });

  it('takes empty bounds for none, as DynamoDB does not', () => {
    expect(conditionOf('p', { from: '', after: '' })).toEqual(conditionOf('p', {}));
  });
});
