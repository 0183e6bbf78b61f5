import { findJava, findMaven, javaVersion } from './tools';

describe('what the stack needs', () => {
  it('reads the version of any Java', () => {
    expect(javaVersion('openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment')).toBe(17);
    expect(javaVersion('Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version "21" 2023-09-19')).toBe(21);
    expect(javaVersion('java version "1.8.0_402"')).toBe(8);
    expect(javaVersion('command not found')).toBeUndefined();
  });

  it('says what to install when it is not there', async () => {
    const nothing = { PATH: __dirname };
    await expect(findJava(nothing)).rejects.toMatchObject({ code: 'stack_missing_tool', message: expect.stringMatching(/Install Java 17[^]*apt-get install openjdk-17/) as string });
    await expect(findMaven(nothing)).rejects.toMatchObject({ code: 'stack_missing_tool', message: expect.stringMatching(/Install Maven[^]*apt-get install maven/) as string });
    await expect(findJava({ JAVA_HOME: __dirname })).rejects.toMatchObject({ message: expect.stringContaining('JAVA_HOME') as string });
  });
});
