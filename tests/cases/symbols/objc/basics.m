#import <Foundation/Foundation.h>
#import "x.h"
/** Doc. */
@interface Foo : Base <P>
@property (nonatomic) int x;
- (int)bar:(int)q with:(int)r;
+ (void)s;
@end
@implementation Foo
- (int)bar:(int)q with:(int)r { return [self go:q]; }
+ (void)s { }
@end
@protocol P
- (void)m;
@end
int top(int a) { return a; }
