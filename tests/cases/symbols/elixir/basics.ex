defmodule A.B do
  @moduledoc "Doc."
  alias C.D
  import E
  use F
  @k 1
  defstruct [:a]
  def f(x), do: helper(x)
  def g(x) when x > 1 do
    f(x)
  end
  defp h, do: 1
  defmacro m(a) do a end
end
