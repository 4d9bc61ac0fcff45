module A exposing (..)
import B.C as D exposing (e)
type alias M = { x : Int }
type T = P | Q Int
{-| Doc. -}
f : Int -> Int
f x = g x
port p : Int -> Cmd m
