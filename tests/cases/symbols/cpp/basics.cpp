#include <vector>
#include "x.h"
using namespace std;
using std::string;
namespace a::b {
/// Doc.
template <typename T>
class Foo : public Base<T>, private Other {
public:
    Foo(int x) : x_(x) {}
    explicit Foo();
    ~Foo();
    virtual int get() const = 0;
    T &ref() { return t_; }
    bool operator==(const Foo &o) const { return true; }
    template <class U> void tmpl(U u) { u.go(); }
protected:
    int x_;
    std::vector<int> v_;
private:
    static int count;
    struct Inner { int q; };
};
template <typename T> Foo<T>::~Foo() {}
int ns::Foo::bar(int a) { auto l = [&](int z) { return z + a; }; return l(1); }
const char *Foo::name() { return ""; }
std::ostream &operator<<(std::ostream &o, const Foo &f) { return o; }
enum class Color { Red, Green };
using Alias = int;
EXPORT_API int exported(int a) { return a; }
}
extern "C" { int cfun(void) { return 1; } int cvar = 2; }
struct S { void m() {} int (*fp)(int); };
