import { Copyable } from "../parts/copyable.tsx";

/** Instead of everything, for a browser that the engine does not know. */
export function Token() {
  return (
    <div className="empty" style={{ paddingTop: "24vh" }}>
      <h1>This page needs its token</h1>
      <p>It shows and changes a mesh, so it opens only by the address that this prints:</p>
      <Copyable text="isthmus console" />
    </div>
  );
}
