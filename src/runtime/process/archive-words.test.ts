import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { archiveWords } from "./archive-words.ts";

const root = "/state/pod/app/root";

suite("archiveWords()", () => {
  const cases: readonly { title: string; given: string; real: string; becomes: string }[] = [
    {
      title: "an archive of a mount's file has the pod's name for it",
      given: "tar cf - /etc/conf/a.txt",
      real: `tar cf - ${root}/etc/conf/a.txt`,
      becomes: `tar cf - -h -C ${root} etc/conf/a.txt`,
    },
    {
      title: "files of the machine stay as they are",
      given: "/bin/tar -czf - /var/tmp/x",
      real: "/bin/tar -czf - /var/tmp/x",
      becomes: "/bin/tar -czf - /var/tmp/x",
    },
    {
      title: "a folder to begin from is only a folder",
      given: "tar cf - -C /etc/conf a.txt",
      real: `tar cf - -C ${root}/etc/conf a.txt`,
      becomes: `tar cf - -C ${root}/etc/conf a.txt`,
    },
    {
      title: "an archive that is unpacked into a mount goes there",
      given: "tar -xmf - -C /etc/conf",
      real: `tar -xmf - -C ${root}/etc/conf`,
      becomes: `tar -xmf - -C ${root}/etc/conf`,
    },
    {
      title: "other programs get the real file",
      given: "cat cf /etc/conf/a.txt",
      real: `cat cf ${root}/etc/conf/a.txt`,
      becomes: `cat cf ${root}/etc/conf/a.txt`,
    },
  ];
  for (const { title, given, real, becomes } of cases)
    test(title, () => {
      assert.equal(archiveWords(given.split(" "), real.split(" "), root).join(" "), becomes);
    });
});
