require 'json'
require_relative './util'
# Doc.
class Foo < Bar::Base
  include Mixin
  attr_accessor :name, :age
  LIMIT = 3
  def initialize(name); @name = name; end
  def self.make(x) = new(x)
  private
  def secret
    y = helper(1)
    y.each { |z| puts z }
  end
end
module M
  def self.f; end
end
def top; end
