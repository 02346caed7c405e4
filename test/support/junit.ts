/** What JUnit files may hold: the rules of Jenkins, and the same as an XML schema for those who validate. */

interface Rule {
  /** The elements it may stand in. */
  readonly in: readonly string[];
  /** Attributes. */
  readonly must: readonly string[];
  readonly may: readonly string[];
}

/** Of jenkinsci/xunit-plugin, src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd/junit-10.xsd. */
export const JUNIT: Readonly<Record<string, Rule>> = {
  testsuites: { in: [''], must: [], may: ['name', 'time', 'tests', 'failures', 'errors'] },
  testsuite: {
    in: ['testsuites', 'testsuite'],
    must: ['name', 'tests', 'failures', 'errors'],
    may: ['group', 'time', 'skipped', 'timestamp', 'hostname', 'id', 'package', 'file', 'log', 'url'],
  },
  testcase: { in: ['testsuite'], must: ['name'], may: ['time', 'classname', 'group'] },
  skipped: { in: ['testcase'], must: [], may: ['type', 'message'] },
  failure: { in: ['testcase'], must: [], may: ['type', 'message'] },
  'system-out': { in: ['testcase', 'testsuite'], must: [], may: [] },
};

/** The rules as an XML schema. Elements that hold no others hold text. */
export function junitXsd(): string {
  return [
    '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">',
    ...Object.entries(JUNIT).map(([name, rule]) => {
      const inside = Object.keys(JUNIT).filter((other) => JUNIT[other].in.includes(name));
      const parts = inside.map((other) => `<xs:element ref="${other}"/>`).join('');
      const choice = parts === '' ? '' : `<xs:choice minOccurs="0" maxOccurs="unbounded">${parts}</xs:choice>`;
      const attribute = (use: string) => (word: string) =>
        `<xs:attribute name="${word}" type="xs:string" use="${use}"/>`;
      const attributes = [...rule.must.map(attribute('required')), ...rule.may.map(attribute('optional'))].join('');
      const type = `<xs:complexType mixed="${parts === ''}">${choice}${attributes}</xs:complexType>`;
      return `<xs:element name="${name}">${type}</xs:element>`;
    }),
    '</xs:schema>',
  ].join('\n');
}
