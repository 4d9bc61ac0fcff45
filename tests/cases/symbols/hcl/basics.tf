# Doc.
resource "aws_instance" "web" {
  ami = var.ami
}
variable "ami" { type = string }
module "m" { source = "./m" }
locals { a = 1 }
output "o" { value = module.m.x }
