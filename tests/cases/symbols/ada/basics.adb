with Ada.Text_IO;
package body A is
   type T is record X : Integer; end record;
   function F (X : Integer) return Integer is
   begin
      return G (X);
   end F;
   procedure P is begin null; end P;
end A;
