module A.B where
import Data.List
import qualified Data.Map as M
-- | Doc.
data Foo = Bar Int | Baz { x :: Int } deriving Show
newtype N = N Int
type T = Int
class C a where
  m :: a -> Int
instance C Foo where
  m _ = 1
f :: Int -> Int
f x = g x + 1
g y = y
