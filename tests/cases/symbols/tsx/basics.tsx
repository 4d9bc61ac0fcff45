import React, { useState } from 'react';
type Props = { label: string };
/** A button. */
export const Button: React.FC<Props> = ({ label }) => {
  const [n, setN] = useState(0);
  return <button className="b" onClick={() => setN(n + 1)}>{label}: {n}</button>;
};
export default function App() { return <Button label="x" />; }
